/** What became of a call, in one word of ours. */

import type { AuditRow } from './api/types';

export type OutcomeWord = 'running' | 'done' | 'failed' | 'denied' | 'asked' | 'limited' | 'cancelled' | 'job';
export type Tone = 'good' | 'warn' | 'bad' | 'info';

const WORDS: [RegExp, OutcomeWord, Tone][] = [
  [/^(ok|done|completed?|success)$/, 'done', 'good'],
  [/^(accepted|job)/, 'job', 'info'],
  [/(input|ask|approval)/, 'asked', 'warn'],
  [/(denied|raised|refus|scope|hidden|not_found)/, 'denied', 'bad'],
  [/(rate|limit|quota)/, 'limited', 'warn'],
  [/(cancel|stopped)/, 'cancelled', 'warn'],
];

export function outcomeOf(row: Pick<AuditRow, 'outcome' | 'decision'>): { word: OutcomeWord; tone: Tone } {
  const said = row.outcome ?? '';
  if (said === '') {
    if (/^(allow|approved)/.test(row.decision)) return { word: 'running', tone: 'info' };
    if (/^ask/.test(row.decision)) return { word: 'asked', tone: 'warn' };
    return /^(deny|denied|raised)/.test(row.decision) ? { word: 'denied', tone: 'bad' } : { word: 'running', tone: 'info' };
  }
  const found = WORDS.find(([pattern]) => pattern.test(said));
  return found ? { word: found[1], tone: found[2] } : { word: 'failed', tone: 'bad' };
}
