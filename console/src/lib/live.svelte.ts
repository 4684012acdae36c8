/** The one stream of events that feeds all pages. A lost connection is shown, and heals from where it broke off. */

import { get, isAborted, Problem } from './api/request';
import { events, type ServerEvent } from './api/sse';
import type { Approval, AuditRow } from './api/types';
import { merge } from './audit';

/** How many of the latest calls are kept. */
export const CALLS_KEPT_MAX = 500;
/** After so long without even a ping, the stream is given up and opened anew; the hub pings every 15 s. */
export const SILENCE_MS_MAX = 40_000;
const RETRY_MS = 500;
const RETRY_MS_MAX = 10_000;

export type Link = 'connecting' | 'live' | 'lost';

/** What pages fetch anew when the stream says that it changed. */
export type Topic = 'bridge' | 'job' | 'catalog' | 'status' | 'keys';

let link = $state<Link>('connecting');
let calls = $state.raw<AuditRow[]>([]);
let approvals = $state.raw<Approval[]>([]);
const turns = $state<Record<Topic, number>>({ bridge: 0, job: 0, catalog: 0, status: 0, keys: 0 });
let missed = $state(0);
let lastId: string | undefined;
let stop: AbortController | undefined;
let toldOnce = false;
let fresh: ((approval: Approval) => void) | undefined;

export const live = {
  get link(): Link {
    return link;
  },
  /** The latest calls, newest first. */
  get calls(): AuditRow[] {
    return calls;
  },
  /** What waits for the owner. */
  get approvals(): Approval[] {
    return approvals;
  },
  /** How many events the hub no longer had when we came back. */
  get missed(): number {
    return missed;
  },
  /** A number that grows with each change of this topic: read it in an effect to be run again. */
  turn(topic: Topic): number {
    return turns[topic];
  },
};

/** Called with each approval that was not there before. */
export function onApproval(then: (approval: Approval) => void): void {
  fresh = then;
}

/** Opens the stream, and keeps it open until `end`. */
export function start(): void {
  if (stop) return;
  stop = new AbortController();
  void refreshApprovals();
  void keepOpen(stop.signal);
}

export function end(): void {
  stop?.abort();
  stop = undefined;
  lastId = undefined;
  calls = [];
  approvals = [];
  toldOnce = false;
  link = 'connecting';
}

async function keepOpen(over: AbortSignal): Promise<void> {
  let waitMs = RETRY_MS;
  while (!over.aborted) {
    const began = Date.now();
    try {
      await follow(over);
    } catch (error) {
      if (over.aborted) return;
      if (error instanceof Problem && error.status === 401) return;
      if (!isAborted(error)) console.debug('stream lost', error);
    }
    if (over.aborted) return;
    link = 'lost';
    waitMs = Date.now() - began > RETRY_MS_MAX ? RETRY_MS : waitMs;
    await Promise.race([pause(waitMs * (0.75 + Math.random() / 2)), backOnline()]);
    waitMs = Math.min(waitMs * 2, RETRY_MS_MAX);
  }
}

async function follow(over: AbortSignal): Promise<void> {
  const silent = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const heard = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => silent.abort(), SILENCE_MS_MAX);
    if (link !== 'live') arrived();
  };
  timer = setTimeout(() => silent.abort(), SILENCE_MS_MAX);
  const headers: Record<string, string> = lastId === undefined ? {} : { 'Last-Event-ID': lastId };
  try {
    const signal = AbortSignal.any([over, silent.signal]);
    for await (const event of events('GET', '/api/console/events', { signal, headers }, heard)) take(event);
  } finally {
    clearTimeout(timer);
  }
}

/** What may have changed while we were away is asked for anew. */
function arrived(): void {
  const again = link === 'lost';
  link = 'live';
  if (!again) return;
  for (const topic of Object.keys(turns) as Topic[]) turns[topic] += 1;
  void refreshApprovals();
}

function take(event: ServerEvent): void {
  if (event.id !== undefined) lastId = event.id;
  if (event.event === 'call') addCall(JSON.parse(event.data) as AuditRow);
  else if (event.event === 'gap') gap(event.data);
  else if (event.event === 'approval') waiting((JSON.parse(event.data) as { approvals: Approval[] }).approvals);
  else if (event.event in turns) turns[event.event as Topic] += 1;
}

function addCall(row: AuditRow): void {
  calls = merge([row, ...calls.filter((kept) => kept.seq !== row.seq)]).slice(0, CALLS_KEPT_MAX);
}

function gap(data: string): void {
  const { from, to } = JSON.parse(data) as { from: number; to: number };
  missed += Math.max(0, to - from + 1);
  for (const topic of Object.keys(turns) as Topic[]) turns[topic] += 1;
  void refreshApprovals();
}

/** What waits for the owner now. What waited already when the console was opened is no news. */
function waiting(found: Approval[]): void {
  const known = new Set(approvals.map((approval) => approval.id));
  approvals = found;
  if (toldOnce) for (const approval of found) if (!known.has(approval.id)) fresh?.(approval);
  toldOnce = true;
}

/** Asks which approvals wait. */
export async function refreshApprovals(): Promise<void> {
  try {
    waiting((await get<{ approvals: Approval[] }>('/api/console/approvals')).approvals);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const backOnline = (): Promise<void> =>
  new Promise((resolve) => addEventListener('online', () => resolve(), { once: true }));
