/** What a change of rules or tiers would do, as the hub tells it before anything is written. */

export type Effect = 'allow' | 'ask' | 'deny';

/** One caller and one tool of which something else would be decided; `null` where the caller does not see the tool. */
export interface Change {
  tool: string;
  caller: string;
  before: Effect | null;
  decision: Effect | null;
  why?: string;
}

/** The changes of each caller together, in the order in which they come. */
export function byCaller(changes: readonly Change[]): { caller: string; changes: Change[] }[] {
  const groups = new Map<string, Change[]>();
  for (const change of changes) groups.set(change.caller, [...(groups.get(change.caller) ?? []), change]);
  return [...groups].map(([caller, list]) => ({ caller, changes: list }));
}
