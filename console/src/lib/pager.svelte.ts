/** A long list that is fetched in pages, as far as somebody looks. */

import { isAborted, wordsOf } from './api/request';

export interface Page<T> {
  items: T[];
  /** Where the next page begins; nothing after the last. */
  next: string | undefined;
}

export class Pager<T> {
  items = $state.raw<T[]>([]);
  error = $state('');
  busy = $state(false);
  whole = $state(false);
  private next: string | undefined;
  private running = new AbortController();

  constructor(private readonly fetch: (cursor: string | undefined, signal: AbortSignal) => Promise<Page<T>>) {}

  /** Begins anew; what is shown stays until the first page is there. */
  async restart(): Promise<void> {
    this.running.abort();
    this.running = new AbortController();
    this.busy = false;
    this.next = undefined;
    await this.page(true);
  }

  /** Fetches the next page, unless one is on its way or there is none. */
  async more(): Promise<void> {
    if (!this.whole && !this.busy && this.error === '') await this.page(false);
  }

  private async page(first: boolean): Promise<void> {
    const { signal } = this.running;
    this.busy = true;
    try {
      const page = await this.fetch(this.next, signal);
      if (signal.aborted) return;
      this.items = first ? page.items : [...this.items, ...page.items];
      this.next = page.next;
      this.whole = page.next === undefined;
      this.error = '';
    } catch (error) {
      if (!signal.aborted && !isAborted(error)) this.error = wordsOf(error);
    } finally {
      if (!signal.aborted) this.busy = false;
    }
  }
}
