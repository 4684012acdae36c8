import { expect, test } from 'vitest';
import { merge, outcomeOf, treeOf } from '../audit';
import { asCommand, asCurl, asMcp, quoted } from '../copy';
import { preferred } from '../i18n/preferred';
import { counted } from '../jobs';
import { grouped, search } from '../tools';
import { diffLines, isDiff } from './diff';
import { safeHref, sourceOf } from './media';
import { visible } from './visible';
import type { AuditRow, Tool } from '../api/types';

test('a shell reads back what was quoted', () => {
  expect(quoted("it's")).toBe(`'it'\\''s'`);
  expect(quoted('$(rm -rf /)`x`')).toBe("'$(rm -rf /)`x`'");
  expect(quoted('a/b.c')).toBe('a/b.c');
  expect(quoted('')).toBe("''");
  expect(quoted('a\nb')).toBe("'a\nb'");
});

test('a call is written for elsewhere', () => {
  expect(asCommand('files_read', { path: 'a b' })).toBe(`drawbridge call files_read '{"path":"a b"}'`);
  expect(asCurl('http://127.0.0.1:4747', 'x', {})).toBe(`curl -H "Authorization: Bearer $DRAWBRIDGE_KEY" --json '{}' http://127.0.0.1:4747/api/tools/x`);
  expect(JSON.parse(asMcp('x', { a: 1 }))).toMatchObject({ method: 'tools/call', params: { name: 'x', arguments: { a: 1 } } });
});

const tool = (name: string, description = ''): Tool => ({ name, title: name, description, input_schema: {}, annotations: { read_only: true, destructive: false, idempotent: true, open_world: false }, examples: [], timeout_ms: 0, result_bytes_max: 0 });

test('tools are found by every word, names first', () => {
  const tools = [tool('files_read', 'Reads a file.'), tool('jobs_list', 'Lists files of jobs'), tool('files_search', 'Searches')];
  expect(search(tools, 'files').map((found) => found.name)).toEqual(['files_read', 'files_search', 'jobs_list']);
  expect(search(tools, 'files list').map((found) => found.name)).toEqual(['jobs_list']);
  expect(search(tools, 'nothing')).toEqual([]);
  expect(search(tools, ' ')).toHaveLength(3);
  expect(grouped(tools, ['jobs_list', 'gone']).map((group) => group.name)).toEqual(['', 'files', 'jobs']);
});

test('a diff is told from text that only looks a little like it', () => {
  expect(isDiff('--- a\n+++ b\n@@ -1 +1 @@\n-x\n+y\n')).toBe(true);
  expect(isDiff('- a list\n- of things')).toBe(false);
  expect(diffLines('@@ -1 +1 @@\n-x\n+y\n z').map((line) => line.kind)).toEqual(['place', 'removed', 'added', 'same']);
});

test('only what browsers show harmlessly becomes a picture or a link', () => {
  expect(safeHref('https://example.com/a')).toBe('https://example.com/a');
  for (const bad of ['javascript:alert(1)', ' javascript:alert(1)', 'data:text/html,x', 'file:///etc/passwd', 'vbscript:x', '//example.com', 'nonsense']) {
    expect(safeHref(bad), bad).toBeUndefined();
  }
  expect(sourceOf('image', 'image/png', 'iVBORw0KGgo=')).toBe('data:image/png;base64,iVBORw0KGgo=');
  expect(sourceOf('image', 'image/svg+xml', 'PHN2Zz4=')).toBeUndefined();
  expect(sourceOf('image', 'text/html', 'PHN2Zz4=')).toBeUndefined();
  expect(sourceOf('image', 'image/png', '"><script>')).toBeUndefined();
});

test('what hides is written out, and nothing else is touched', () => {
  expect(visible('rm \u202e\u2066gpj.exe\u0007')).toBe('rm ⟨U+202E⟩⟨U+2066⟩gpj.exe⟨U+0007⟩');
  expect(visible('\u{e0041}a\u200bb\ufeff')).toBe('⟨U+E0041⟩a⟨U+200B⟩b⟨U+FEFF⟩');
  for (const plain of ['one\n\ttwo', 'žluťoučký kůň 🐴', 'شكرا', '日本語', '']) expect(visible(plain)).toBe(plain);
});

test('what became of a call', () => {
  expect(outcomeOf({ phase: 'done', outcome: 'ok' }).word).toBe('done');
  expect(outcomeOf({ phase: 'done', outcome: 'timeout' }).word).toBe('failed');
  expect(outcomeOf({ phase: 'intent' }).word).toBe('running');
  expect(outcomeOf({ phase: 'refused', decision: 'deny' }).word).toBe('denied');
  expect(outcomeOf({ phase: 'refused', decision: 'ask' }).word).toBe('asked');
  expect(outcomeOf({ phase: 'done', outcome: 'accepted' }).word).toBe('job');
  expect(outcomeOf({ phase: 'done', outcome: 'input_required', decision: 'ask' }).word).toBe('asked');
  expect(outcomeOf({ phase: 'act' }).word).toBe('act');
});

test('two records of one call are one line, wherever they come', () => {
  const row = (seq: number, call: string, more: Partial<AuditRow>): AuditRow => ({ seq, at_ms: seq, call, caller: 'owner', entrance: 'http', tool: 'x', phase: 'done', ...more });
  const merged = merge([row(5, '', { phase: 'act' }), row(4, 'a', { outcome: 'ok' }), row(3, 'b', {}), row(2, 'a', { phase: 'intent', arguments: '{}' }), row(1, '', { phase: 'act' })]);
  expect(merged.map((one) => [one.seq, one.call, one.outcome, one.arguments])).toEqual([[5, '', undefined, undefined], [4, 'a', 'ok', '{}'], [3, 'b', undefined, undefined], [1, '', undefined, undefined]]);
});

test('calls are a tree of their parents', () => {
  const row = (seq: number, call: string, parent?: string): AuditRow => ({ seq, at_ms: seq, call, parent: parent ?? null, caller: 'owner', entrance: 'http', tool: call, phase: 'done' });
  const [root] = treeOf([row(1, 'a'), row(2, 'b', 'a'), row(3, 'c', 'b')]);
  expect([root?.row.call, root?.calls[0]?.row.call, root?.calls[0]?.calls[0]?.row.call]).toEqual(['a', 'b', 'c']);
  expect(treeOf([row(1, 'a', 'a')])).toHaveLength(1);
});

test('jobs are counted over all queues', () => {
  const queues: { queue: string; states: [string, number][] }[] = [{ queue: 'a', states: [['running', 1], ['dead', 2]] }, { queue: 'b', states: [['dead', 1]] }];
  expect(counted({ engine: 'embedded', concurrency: 2, running: 1, queues })).toEqual([['running', 1], ['dead', 3]]);
  expect(counted(undefined)).toEqual([]);
});

test('the first language that we have', () => {
  expect(preferred(['de-AT', 'fr-CA', 'en'])).toBe('fr');
  expect(preferred([])).toBe('en');
});
