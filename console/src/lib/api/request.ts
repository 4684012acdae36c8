/** Requests to the hub: its own origin, the session's cookie, and one kind of error. */

/** Why a request came to nothing, as the hub says it (RFC 9457). */
export class Problem extends Error {
  constructor(
    /** HTTP's status; 0 when nobody answered. */
    readonly status: number,
    /** The word at the end of `type`, such as `needs-approval`. */
    readonly kind: string,
    detail: string,
    /** The members of its own. */
    readonly more: Record<string, unknown> = {},
  ) {
    super(detail);
    this.name = 'Problem';
  }

  /** Whether the hub was not reached at all. */
  get unreachable(): boolean {
    return this.status === 0;
  }
}

export interface Ask {
  /** Sent as JSON. */
  body?: unknown;
  signal?: AbortSignal | undefined;
  headers?: Record<string, string>;
}

const PREFIX = 'urn:drawbridge:problem:';

/** Called when the hub knows our session no longer. */
let whenSignedOut: () => void = () => {};
export function onSignedOut(then: () => void): void {
  whenSignedOut = then;
}

/** Sends a request and returns its response, if that is a good one. */
export async function send(method: string, path: string, ask: Ask = {}): Promise<Response> {
  const headers: Record<string, string> = { 'X-Drawbridge-Console': '1', ...ask.headers };
  const init: RequestInit = { method, headers, cache: 'no-store', credentials: 'same-origin', redirect: 'error' };
  if (ask.signal) init.signal = ask.signal;
  if (ask.body !== undefined) {
    headers['Content-Type'] = 'application/json';
    init.body = JSON.stringify(ask.body);
  }
  const response = await reach(path, init);
  if (response.ok) return response;
  const problem = await problemOf(response);
  if (problem.status === 401) whenSignedOut();
  throw problem;
}

/** Sends a request and reads the JSON of its answer; an empty answer is `undefined`. */
export async function request<T>(method: string, path: string, ask: Ask = {}): Promise<T> {
  const text = await (await send(method, path, ask)).text();
  return (text === '' ? undefined : JSON.parse(text)) as T;
}

export const get = <T>(path: string, signal?: AbortSignal): Promise<T> => request<T>('GET', path, { signal });
export const post = <T>(path: string, body: unknown = {}): Promise<T> => request<T>('POST', path, { body });
export const put = <T>(path: string, body: unknown): Promise<T> => request<T>('PUT', path, { body });
export const remove = <T>(path: string): Promise<T> => request<T>('DELETE', path);

/** A path with its query; members that are not set are left out. */
export function withQuery(path: string, query: Record<string, string | number | boolean | null | undefined>): string {
  const set = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== '');
  const text = new URLSearchParams(set.map(([name, value]) => [name, String(value)])).toString();
  return text === '' ? path : `${path}?${text}`;
}

async function reach(path: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(path, init);
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new Problem(0, 'unreachable', 'the hub does not answer');
  }
}

async function problemOf(response: Response): Promise<Problem> {
  const text = await response.text().catch(() => '');
  try {
    const { type, detail, title, status: _, ...more } = JSON.parse(text) as Record<string, unknown>;
    const kind = String(type ?? '').replace(PREFIX, '');
    return new Problem(response.status, kind, String(detail ?? title ?? response.statusText), more);
  } catch {
    return new Problem(response.status, 'http', text.slice(0, 500) || response.statusText);
  }
}

/** What went wrong, in words for a person. */
export function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Whether somebody stopped it on purpose. */
export function isAborted(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError';
}
