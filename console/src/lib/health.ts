/** How things are, from answers that name them in one of several ways. */

import type { Health, Json } from './api/types';
import { isObject } from './schema/draft';

/** A list of things with names, or an object whose members are the things. */
export function healthOf(value: Json | undefined): Health[] {
  if (Array.isArray(value)) return value.filter(isObject).map((one) => described(String(one.name ?? one.provider ?? ''), one));
  if (!isObject(value)) return [];
  return Object.entries(value).map(([name, one]) => (isObject(one) ? described(name, one) : { name, health: String(one) }));
}

/** States in which something is as it should be, in which nothing is wrong, and which pass by themselves. All others are bad. */
const GOOD = ['ok', 'ready'];
const QUIET = ['off', 'unknown', 'stopped', 'idle', 'not running'];
const PASSING = ['starting', 'degraded', 'asleep', 'waiting', 'pausing', 'ending'];

/** The tone of a state; its word always stands beside it. */
export function toneOf(state: string): 'good' | 'warn' | 'bad' | '' {
  if (GOOD.includes(state)) return 'good';
  if (QUIET.includes(state)) return '';
  return PASSING.includes(state) ? 'warn' : 'bad';
}

function described(name: string, one: Record<string, Json>): Health {
  const health = one.health ?? one.state ?? one.status;
  const detail = one.detail ?? one.why ?? one.description ?? one.error ?? one.address ?? one.kind;
  return { name, health: typeof health === 'string' ? health : undefined, detail: typeof detail === 'string' ? detail : undefined };
}

/** The daemons in a hub's status, where it has any. */
export function daemonsOf(value: Json | undefined): Health[] {
  return isObject(value) ? healthOf(value.daemons) : healthOf(value);
}
