/** Who is told what becomes of jobs. */

import { matching } from './patterns';
import type { Tool } from './api/types';

/** What a receiver can hear of, in the order in which it happens. */
export const NEWS = ['processing', 'progress', 'completed', 'error', 'cancelled'] as const;
export type News = (typeof NEWS)[number];

export interface Receiver {
  id: string;
  caller: string;
  url?: string | null;
  events: News[];
  tools: string[];
  all_callers: boolean;
  paused: boolean;
  why_paused?: string | null;
}

export interface Delivery {
  id: string;
  webhook: string;
  job: string;
  tool: string;
  event: string;
  state: string;
  url: string;
  attempts: number;
  status?: number | null;
  error?: string | null;
  created_ms: number;
}

/** A tool whose job a receiver hears of: one that only reads, on this machine, and needs no arguments. Nothing where the
 *  receiver hears of no job that goes well, or of no such tool. */
export function trial(receiver: Pick<Receiver, 'events' | 'tools' | 'paused' | 'url'>, tools: readonly Tool[]): string | undefined {
  const hears = receiver.events.length === 0 || receiver.events.includes('completed') || receiver.events.includes('processing');
  if (!hears || receiver.paused || !receiver.url) return undefined;
  const harmless = tools.filter((tool) => tool.annotations.read_only && !tool.annotations.open_world && !needs(tool)).map((tool) => tool.name);
  const heard = receiver.tools.length === 0 ? harmless : matching(receiver.tools, harmless);
  return heard.find((name) => name === 'jobs_queues') ?? heard[0];
}

function needs(tool: Tool): boolean {
  const schema = tool.input_schema;
  return typeof schema === 'object' && Array.isArray(schema.required) && schema.required.length > 0;
}
