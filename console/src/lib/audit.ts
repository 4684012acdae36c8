/** The audit's records, as people look at them: one line for each call, one word for what became of it. */

import type { AuditRow } from './api/types';

export type OutcomeWord = 'running' | 'done' | 'failed' | 'denied' | 'asked' | 'cancelled' | 'job' | 'act';
export type Tone = 'good' | 'warn' | 'bad' | 'info';

const AFTER: Record<string, [OutcomeWord, Tone]> = {
  ok: ['done', 'good'],
  error: ['failed', 'bad'],
  timeout: ['failed', 'bad'],
  cancelled: ['cancelled', 'warn'],
  input_required: ['asked', 'warn'],
  accepted: ['job', 'info'],
};

export function outcomeOf(row: Pick<AuditRow, 'phase' | 'outcome' | 'decision'>): { word: OutcomeWord; tone: Tone } {
  const told = row.outcome ? AFTER[row.outcome] : undefined;
  if (told) return { word: told[0], tone: told[1] };
  if (row.phase === 'intent') return { word: 'running', tone: 'info' };
  if (row.phase === 'act') return { word: 'act', tone: 'info' };
  if (row.phase === 'done') return { word: 'done', tone: 'good' };
  return row.decision === 'ask' ? { word: 'asked', tone: 'warn' } : { word: 'denied', tone: 'bad' };
}

/** What tells a line apart: its call, or its number where the record is of no call. */
export const keyOf = (row: AuditRow): string | number => row.call || row.seq;

/** Whether this page, or another of the owner's, made the call: it is no news to who looks at it. Decisions of the owner are. */
export const isOwn = (row: Pick<AuditRow, 'caller' | 'entrance' | 'phase'>): boolean => row.caller === 'owner' && row.entrance === 'rest' && row.phase !== 'act';

/** One line for each call, newest first, from records that come newest first. */
export function merge(rows: readonly AuditRow[]): AuditRow[] {
  const lines = new Map<string | number, AuditRow>();
  for (const row of rows) {
    const newer = lines.get(keyOf(row));
    lines.set(keyOf(row), newer ? { ...row, ...said(newer) } : row);
  }
  return [...lines.values()];
}

/** One call, and those that it made. */
export interface Node {
  row: AuditRow;
  calls: Node[];
}

/** The records of some calls as a tree. */
export function treeOf(rows: readonly AuditRow[]): Node[] {
  const newestFirst = [...rows].sort((a, b) => b.seq - a.seq);
  const lines = merge(newestFirst).sort((a, b) => a.seq - b.seq);
  const nodes = new Map(lines.map((row): [string | number, Node] => [keyOf(row), { row, calls: [] }]));
  const roots: Node[] = [];
  for (const node of nodes.values()) {
    const parent = node.row.parent ? nodes.get(node.row.parent) : undefined;
    (parent && parent !== node ? parent.calls : roots).push(node);
  }
  return roots;
}

/** What a record says, without what it leaves open. */
function said(row: AuditRow): Partial<AuditRow> {
  return Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null && value !== undefined));
}
