/** When a schedule comes: as a form edits it, and as the hub's tools take it. */

import type { JsonObject } from './api/types';

export type Missed = 'skip' | 'once' | 'all';

/** As the hub tells it. */
export interface Timetable {
  cron?: string | null;
  time_zone?: string | null;
  every_seconds?: number | null;
  missed?: Missed;
  missed_max?: number | null;
  jitter_seconds?: number;
}

export type Unit = 'seconds' | 'minutes' | 'hours' | 'days';
export const UNIT_SECONDS: Record<Unit, number> = { seconds: 1, minutes: 60, hours: 3600, days: 86_400 };
const UNITS: readonly Unit[] = ['days', 'hours', 'minutes', 'seconds'];

/** As a person fills it in. */
export interface Plan {
  kind: 'cron' | 'every';
  cron: string;
  zone: string;
  every: number;
  unit: Unit;
  missed: Missed;
  jitter: number;
}

/** Patterns that most people want, by what they are called. */
export const USUAL = { hourly: '0 * * * *', daily: '0 7 * * *', workdays: '30 7 * * mon-fri', weekly: '0 9 * * mon', monthly: '0 9 1 * *' } as const;

/** The zone of this browser's clock. */
export const hereZone = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC';

/** Every zone that this browser knows, UTC among them. */
export const zones = (): string[] => [...new Set(['UTC', ...Intl.supportedValuesOf('timeZone')])];

export const fresh = (): Plan => ({ kind: 'cron', cron: USUAL.daily, zone: hereZone(), every: 1, unit: 'hours', missed: 'once', jitter: 0 });

/** The plan of a schedule that is there, in the largest unit that it fits. */
export function planOf(when: Timetable): Plan {
  const { every_seconds: seconds, cron } = when;
  const unit = UNITS.find((one) => seconds != null && seconds % UNIT_SECONDS[one] === 0) ?? 'seconds';
  return {
    kind: cron ? 'cron' : 'every', cron: cron ?? USUAL.daily, zone: when.time_zone ?? 'UTC',
    every: (seconds ?? 3600) / UNIT_SECONDS[unit], unit, missed: when.missed ?? 'once', jitter: when.jitter_seconds ?? 0,
  };
}

/** What the hub's tools take. */
export function timetableOf(plan: Plan): JsonObject {
  const when = plan.kind === 'cron' ? { cron: plan.cron.trim(), time_zone: plan.zone.trim() || 'UTC' } : { every_seconds: Math.round(plan.every * UNIT_SECONDS[plan.unit]) };
  return { ...when, missed: plan.missed, ...(plan.jitter > 0 && { jitter_seconds: Math.round(plan.jitter) }) };
}

/** The same for a schedule that is there: of a timetable only what is said changes. */
export const changeOf = (plan: Plan): JsonObject => ({ ...timetableOf(plan), jitter_seconds: Math.round(plan.jitter) });

/** A time of the hub, as that zone's clocks show it: the day of the week, the day, and the time. */
export function zoned(time: string, code: string): string {
  const shown = /^(\d{4})-(\d\d)-(\d\d)T(\d\d:\d\d)(:\d\d)?/.exec(time);
  if (!shown) return time;
  const day = new Date(`${shown[1]}-${shown[2]}-${shown[3]}T12:00:00Z`);
  const words = new Intl.DateTimeFormat(code, { weekday: 'short', day: 'numeric', month: 'short', year: 'numeric', timeZone: 'UTC' }).format(day);
  return `${words}, ${shown[4]}${shown[5] === ':00' ? '' : (shown[5] ?? '')}`;
}
