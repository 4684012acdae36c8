import { expect, test } from 'vitest';
import { changeOf, fresh, planOf, timetableOf, zoned, zones } from './timetable';

test('what is filled in is what the hub is told, and comes back the same', () => {
  const daily = { ...fresh(), cron: ' 0 7 * * * ', zone: 'Europe/Paris' };
  expect(timetableOf(daily)).toEqual({ cron: '0 7 * * *', time_zone: 'Europe/Paris', missed: 'once' });
  const often = { ...fresh(), kind: 'every' as const, every: 90, unit: 'minutes' as const, missed: 'skip' as const, jitter: 5 };
  expect(timetableOf(often)).toEqual({ every_seconds: 5400, missed: 'skip', jitter_seconds: 5 });
  expect(planOf(timetableOf(often))).toMatchObject({ kind: 'every', every: 90, unit: 'minutes', missed: 'skip', jitter: 5 });
  expect(planOf({ every_seconds: 172_800 })).toMatchObject({ every: 2, unit: 'days' });
  expect(planOf({ every_seconds: 61 })).toMatchObject({ every: 61, unit: 'seconds' });
  expect(planOf({ cron: '* * * * *' })).toMatchObject({ kind: 'cron', zone: 'UTC' });
});

test('a change says also that nothing is left to chance any more', () => {
  expect(changeOf(fresh())).toMatchObject({ jitter_seconds: 0 });
});

test('times are shown on the clocks of their own zone', () => {
  expect(zoned('2026-03-01T07:30:00+09:00', 'en-GB')).toBe('Sun, 1 Mar 2026, 07:30');
  expect(zoned('2026-03-01T07:30:15Z', 'en-GB')).toContain('07:30:15');
  expect(zoned('soon', 'en-GB')).toBe('soon');
  expect(zones()).toContain('UTC');
});
