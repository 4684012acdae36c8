/** Theme, language and favourites: kept by the hub for the owner, and theme and language here too, for the first paint. */

import { get, put } from './api/request';
import { language, setLanguage, type Language } from './i18n/index.svelte';

export type Theme = 'system' | 'light' | 'dark';

interface Preferences {
  theme?: Theme;
  language?: Language;
  favourites?: string[];
}

const KEPT = 'drawbridge.look';
const dark = matchMedia('(prefers-color-scheme: dark)');

let theme = $state<Theme>('system');
let favourites = $state.raw<string[]>([]);

export const look = {
  get theme(): Theme {
    return theme;
  },
  get dark(): boolean {
    return theme === 'dark' || (theme === 'system' && systemDark);
  },
  get favourites(): string[] {
    return favourites;
  },
};

let systemDark = $state(dark.matches);
dark.addEventListener('change', (event) => {
  systemDark = event.matches;
  paint();
});

/** What this browser remembers; called before the first paint. */
export function recall(): void {
  try {
    apply(JSON.parse(localStorage.getItem(KEPT) ?? '{}') as Preferences);
  } catch {
    apply({});
  }
}

/** What the hub remembers; called once signed in. */
export async function load(): Promise<void> {
  try {
    apply(await get<Preferences>('/api/console/preferences'));
  } catch (error) {
    console.debug('preferences', error);
  }
}

export function setTheme(to: Theme): void {
  theme = to;
  keep();
}

export async function changeLanguage(to: Language): Promise<void> {
  await setLanguage(to);
  keep();
}

export function toggleFavourite(tool: string): void {
  favourites = favourites.includes(tool) ? favourites.filter((name) => name !== tool) : [...favourites, tool];
  keep();
}

function apply(found: Preferences): void {
  if (found.theme === 'light' || found.theme === 'dark' || found.theme === 'system') theme = found.theme;
  if (Array.isArray(found.favourites)) favourites = found.favourites.filter((name) => typeof name === 'string');
  void setLanguage(found.language ?? language.code);
  paint();
}

function keep(): void {
  paint();
  const all: Preferences = { theme, language: language.code, favourites };
  localStorage.setItem(KEPT, JSON.stringify({ theme: all.theme, language: all.language }));
  put('/api/console/preferences', all).catch((error: unknown) => console.debug('preferences', error));
}

function paint(): void {
  document.documentElement.dataset.theme = look.dark ? 'dark' : 'light';
}
