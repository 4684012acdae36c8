/** Numbers, times and sizes, as people of a language write them. */

import { language } from './i18n/index.svelte';

const made = new Map<string, Intl.NumberFormat | Intl.DateTimeFormat | Intl.RelativeTimeFormat>();

/** The person's own kind of this language, where the browser names one: times are written differently in en-GB and en-US. */
function tag(): string {
  return navigator.languages.find((wanted) => wanted.toLowerCase().startsWith(language.code)) ?? language.code;
}

function once<T extends Intl.NumberFormat | Intl.DateTimeFormat | Intl.RelativeTimeFormat>(name: string, make: (code: string) => T): T {
  const key = `${language.code} ${name}`;
  const found = made.get(key) ?? make(tag());
  made.set(key, found);
  return found as T;
}

export function number(value: number, digits = 0): string {
  return once(`n${digits}`, (code) => new Intl.NumberFormat(code, { maximumFractionDigits: digits })).format(value);
}

export function compact(value: number): string {
  return once('compact', (code) => new Intl.NumberFormat(code, { notation: 'compact', maximumFractionDigits: 1 })).format(value);
}

const BYTES = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const;

export function bytes(count: number): string {
  const step = Math.min(BYTES.length - 1, count < 1 ? 0 : Math.floor(Math.log(count) / Math.log(1000)));
  const unit = BYTES[step] ?? 'byte';
  const options = { style: 'unit', unit, unitDisplay: step === 0 ? 'long' : 'short', maximumFractionDigits: 1 } as const;
  return once(unit, (code) => new Intl.NumberFormat(code, options)).format(count / 1000 ** step);
}

/** A duration, from microseconds up. */
export function duration(us: number): string {
  if (us < 1000) return `${number(us)} µs`;
  if (us < 1_000_000) return `${number(us / 1000, us < 10_000 ? 1 : 0)} ms`;
  const seconds = us / 1_000_000;
  if (seconds < 60) return `${number(seconds, seconds < 10 ? 1 : 0)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`;
  return seconds < 86_400
    ? `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`
    : `${Math.floor(seconds / 86_400)} d ${Math.floor((seconds % 86_400) / 3600)} h`;
}

/** A time of day, to the minute: for axes, where there is little room. */
export function hourMinute(ms: number): string {
  return once('hm', (code) => new Intl.DateTimeFormat(code, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' })).format(ms);
}

/** A time of day, with seconds. */
export function clock(ms: number): string {
  return once('clock', (code) => new Intl.DateTimeFormat(code, { timeStyle: 'medium' })).format(ms);
}

export function moment(ms: number): string {
  return once('moment', (code) => new Intl.DateTimeFormat(code, { dateStyle: 'medium', timeStyle: 'medium' })).format(ms);
}

/** How long ago, or in how long, in words. */
export function ago(ms: number, now: number): string {
  const seconds = Math.round((ms - now) / 1000);
  const size = Math.abs(seconds);
  const relative = once('ago', (code) => new Intl.RelativeTimeFormat(code, { numeric: 'auto', style: 'short' }));
  if (size < 60) return relative.format(seconds, 'second');
  if (size < 3600) return relative.format(Math.round(seconds / 60), 'minute');
  if (size < 86_400) return relative.format(Math.round(seconds / 3600), 'hour');
  return relative.format(Math.round(seconds / 86_400), 'day');
}
