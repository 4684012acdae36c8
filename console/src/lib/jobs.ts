/** What jobs are, as the console counts and steers them. */

import type { JobState, Now } from './api/types';

/** The states, in the order in which they are of interest. */
export const STATES: readonly JobState[] = ['running', 'waiting_for_input', 'queued', 'scheduled', 'dead', 'failed', 'completed', 'cancelled'];

/** How many jobs there are in each state, over all queues; states without any are left out. */
export function counted(jobs: Now['jobs'] | undefined): [JobState, number][] {
  const sums = new Map<string, number>();
  const add = (state: string, count: number): unknown => sums.set(state, (sums.get(state) ?? 0) + count);
  for (const queue of jobs?.queues ?? []) for (const [state, count] of queue.states) add(state, count);
  return STATES.map((state): [JobState, number] => [state, sums.get(state) ?? 0]).filter(([, count]) => count > 0);
}

/** Whether a job can still change by itself. */
export const isOpen = (state: JobState): boolean => state === 'running' || state === 'queued' || state === 'scheduled' || state === 'waiting_for_input';

/** Whether it ended in a way that somebody has to look at. */
export const isLost = (state: JobState): boolean => state === 'dead' || state === 'failed';
