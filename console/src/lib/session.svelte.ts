/** Who is signed in. The key or link goes to the hub once and is kept nowhere here; the cookie is out of our reach. */

import type { Session } from './api/types';
import { get, onSignedOut, Problem, remove, request, wordsOf } from './api/request';

type State = 'asking' | 'in' | 'out' | 'unreachable';

let state = $state<State>('asking');
let who = $state.raw<Session | undefined>();
let why = $state('');

/** How often an absent hub is asked again, at first and at most, in milliseconds. */
const RETRY_MS = 1000;
const RETRY_MS_MAX = 15_000;

export const session = {
  get state(): State {
    return state;
  },
  get caller(): string {
    return who?.caller.id ?? '';
  },
  /** Why signing in did not work. */
  get why(): string {
    return why;
  },
};

onSignedOut(() => {
  if (state === 'in') state = 'out';
});

/** Takes the one-time link out of the address, if there is one, and finds out who we are. */
export async function begin(): Promise<void> {
  const link = linkOf(location.hash);
  if (link !== undefined) {
    history.replaceState(null, '', location.pathname + location.search);
    if (await signIn({ link })) return;
    const refused = why;
    await resume();
    if (state === 'out') why = refused;
    return;
  }
  await resume();
}

/** The link in a fragment such as `#link=…`. */
export function linkOf(hash: string): string | undefined {
  return new URLSearchParams(hash.replace(/^#/, '')).get('link') ?? undefined;
}

export async function signIn(proof: { link: string } | { key: string }): Promise<boolean> {
  why = '';
  try {
    entered(await request<Session>('POST', '/api/console/session', { body: proof }));
    return true;
  } catch (error) {
    why = wordsOf(error);
    state = 'out';
    return false;
  }
}

export async function signOut(): Promise<void> {
  await remove('/api/console/session').catch(() => {});
  who = undefined;
  state = 'out';
}

async function resume(waitMs = RETRY_MS): Promise<void> {
  try {
    entered(await get<Session>('/api/console/session'));
  } catch (error) {
    if (error instanceof Problem && error.unreachable) {
      state = 'unreachable';
      setTimeout(() => void resume(Math.min(waitMs * 2, RETRY_MS_MAX)), waitMs);
    } else {
      state = 'out';
    }
  }
}

function entered(session: Session): void {
  who = session;
  state = 'in';
}
