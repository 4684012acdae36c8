import { expect, test } from 'vitest';
import { byCaller } from './changes';
import { freshName, limitOf, modest, renamed, within, wordsIn } from './tiers';

test('a limit is a whole number, and nothing is none', () => {
  expect(['', ' ', '-1', '1.5', 'x', '0', '12'].map(limitOf)).toEqual([null, null, null, null, null, 0, 12]);
});

test('names are found and changed in their places', () => {
  const tiers = { A: modest(), NEW: modest(), B: modest() };
  expect(Object.keys(renamed(tiers, 'NEW', 'C'))).toEqual(['A', 'C', 'B']);
  expect([freshName(tiers), freshName({})]).toEqual(['NEW2', 'NEW']);
  expect(wordsIn(' files_*,  kv_get ')).toEqual(['files_*', 'kv_get']);
});

test('changes of one caller stand together', () => {
  const change = (caller: string, tool: string) => ({ caller, tool, before: null, decision: 'allow' as const });
  const groups = byCaller([change('a', '1'), change('b', '1'), change('a', '2')]);
  expect(groups.map((group) => [group.caller, group.changes.length])).toEqual([['a', 2], ['b', 1]]);
});

test('a key sees what both its scopes and its tier show', () => {
  const tools = ['files_list', 'files_write', 'llm_chat'];
  const all = { ...modest(), allowed_capabilities: ['*'] };
  expect(within(undefined, tools)).toEqual(tools);
  expect(within(all, tools)).toEqual(['files_list', 'files_write']);
  expect(within({ ...all, llm_access: true }, tools)).toEqual(tools);
  expect(within(modest(), tools)).toEqual(['files_list']);
});
