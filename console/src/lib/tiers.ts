/** Tiers as their file says them, and as a form edits them. */

import { matching } from './patterns';

/** One tier: the fields of `tiers.toml`. */
export interface Tier {
  allowed_capabilities: string[];
  rate_limit_requests: number | null;
  rate_limit_window_seconds: number | null;
  llm_access: boolean;
  allowed_llm_models: string[] | null;
  max_llm_tokens_per_request: number | null;
  max_llm_tokens_per_day: number | null;
}

/** What the hub tells of the tiers. */
export interface Tiers {
  path: string;
  text: string;
  tiers: Record<string, Tier>;
  keys: { key: string; tier: string }[];
  licence: { tier: string; user: string; fault: string | null; expires_at_ms: number | null } | null;
  problem: string | null;
  /** Why the file is not changed here. */
  locked: string | null;
}

/** The tools that a key sees with this tier, of those that its scopes name. What the tier names as older clients do is not
 *  counted: only the hub knows which tools those are. */
export function within(tier: Tier | undefined, tools: string[]): string[] {
  if (!tier) return tools;
  const allowed = matching(tier.allowed_capabilities, tools);
  return tier.llm_access ? allowed : allowed.filter((name) => !name.startsWith('llm_'));
}

/** A tier that reads and no more: the least that a new one could be meant to do. */
export const modest = (): Tier => ({
  allowed_capabilities: ['files_list', 'files_read'], rate_limit_requests: 100, rate_limit_window_seconds: 3600,
  llm_access: false, allowed_llm_models: null, max_llm_tokens_per_request: null, max_llm_tokens_per_day: null,
});

/** A number that somebody typed; nothing is no limit. */
export function limitOf(text: string): number | null {
  const value = Number(text);
  return text.trim() === '' || !Number.isSafeInteger(value) || value < 0 ? null : value;
}

/** Words that stand between spaces or commas. */
export const wordsIn = (text: string): string[] => text.split(/[\s,]+/).filter((word) => word !== '');

/** The tiers without one, with one more or with one that is called otherwise; the order stays. */
export function renamed(tiers: Record<string, Tier>, from: string, to: string): Record<string, Tier> {
  return Object.fromEntries(Object.entries(tiers).map(([name, tier]) => [name === from ? to : name, tier]));
}

/** A name that no tier has yet. */
export function freshName(tiers: Record<string, Tier>): string {
  for (let count = 1; ; count += 1) {
    const name = count === 1 ? 'NEW' : `NEW${count}`;
    if (!(name in tiers)) return name;
  }
}
