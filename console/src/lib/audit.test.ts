import { expect, test } from 'vitest';
import { isOwn } from './audit';

test('what these pages call is no news; what others call, and what the owner decides, is', () => {
  expect(isOwn({ caller: 'owner', entrance: 'rest', phase: 'done' })).toBe(true);
  expect(isOwn({ caller: 'owner', entrance: 'rest', phase: 'act' })).toBe(false);
  expect(isOwn({ caller: 'owner', entrance: 'cli', phase: 'done' })).toBe(false);
  expect(isOwn({ caller: 'key:a', entrance: 'rest', phase: 'done' })).toBe(false);
});
