/** The words of the console. English is in the first load; other languages come when they are wanted. */

import { en } from './en';
import { preferred, type Language } from './preferred';

export type { Language } from './preferred';

/** Every language has every word: what is missing is an error of types. */
export type Messages = typeof en;

/** The languages, each in its own words. */
export const LANGUAGES: Record<Language, string> = { en: 'English', fr: 'Français' };

let words = $state.raw<Messages>(en);
let code = $state<Language>(preferred(navigator.languages));

export const language = {
  get code(): Language {
    return code;
  },
};

/** The words, by page: `t.now.title`. Read where it is shown, so that it changes with the language. */
export const t: Messages = new Proxy(en, {
  get: (_, page) => words[page as keyof Messages],
});

export async function setLanguage(to: Language): Promise<void> {
  words = to === 'fr' ? (await import('./fr')).fr : en;
  code = to;
  document.documentElement.lang = to;
}
