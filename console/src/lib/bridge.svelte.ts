/** The bridge's lever, wherever it is shown. */

import { post, Problem, wordsOf } from './api/request';
import { get } from './api/request';
import { say } from './notify.svelte';

export type Position = 'lowered' | 'raised';

let position = $state<Position | undefined>();
let moving = $state(false);

export const bridge = {
  get position(): Position | undefined {
    return position;
  },
  get moving(): boolean {
    return moving;
  },
};

/** What was seen elsewhere. */
export function seen(now: Position): void {
  if (!moving) position = now;
}

export async function look(): Promise<void> {
  try {
    seen((await get<{ bridge: Position }>('/api/status')).bridge);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
  }
}

export async function move(to: Position): Promise<void> {
  moving = true;
  try {
    await post('/api/console/bridge', { state: to });
    position = to;
  } catch (error) {
    say('bad', wordsOf(error));
  } finally {
    moving = false;
  }
}
