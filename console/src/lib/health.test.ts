import { expect, test } from 'vitest';
import { healthOf, toneOf } from './health';

test('what is not known to be well or passing is bad', () => {
  expect(['ok', 'ready', 'unknown', 'not running', 'starting', 'pausing'].map(toneOf)).toEqual(['good', 'good', '', '', 'warn', 'warn']);
  for (const state of ['failing', 'resting', 'given up', 'something new']) expect(toneOf(state)).toBe('bad');
});

test('a provider and a daemon say how they are, and why', () => {
  expect(healthOf([{ name: 'local', kind: 'ollama', address: null, health: 'resting' }])).toEqual([{ name: 'local', health: 'resting', detail: 'ollama' }]);
  expect(healthOf([{ name: 'notes', state: 'failing', why: 'it ended', description: 'Notes' }])).toEqual([{ name: 'notes', health: 'failing', detail: 'it ended' }]);
});
