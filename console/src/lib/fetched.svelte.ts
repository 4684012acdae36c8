/** Something fetched for a page: what it is now, whether it is on its way, and why it is not there. */

import { isAborted, wordsOf } from './api/request';

export class Fetched<T> {
  value = $state.raw<T | undefined>();
  error = $state('');
  busy = $state(false);
  private running: AbortController | undefined;

  constructor(private readonly fetch: (signal: AbortSignal) => Promise<T>) {}

  /** Fetches anew; an earlier answer that is still on its way is not waited for. What is there stays until then. */
  async load(): Promise<void> {
    this.running?.abort();
    const mine = new AbortController();
    this.running = mine;
    this.busy = true;
    try {
      const value = await this.fetch(mine.signal);
      if (this.running === mine) [this.value, this.error] = [value, ''];
    } catch (error) {
      if (this.running === mine && !isAborted(error)) this.error = wordsOf(error);
    } finally {
      if (this.running === mine) this.busy = false;
    }
  }

  /** True before the first answer. */
  get waiting(): boolean {
    return this.value === undefined && this.error === '';
  }
}

/** Runs at once, and then at most once in `ms`, however often it is called; the last call is never lost. */
export function atMostEvery(ms: number, run: () => void): () => void {
  let last = -Infinity;
  let timer: ReturnType<typeof setTimeout> | undefined;
  return () => {
    const waitMs = last + ms - Date.now();
    if (waitMs <= 0) {
      last = Date.now();
      run();
    } else {
      timer ??= setTimeout(() => {
        timer = undefined;
        last = Date.now();
        run();
      }, waitMs);
    }
  };
}
