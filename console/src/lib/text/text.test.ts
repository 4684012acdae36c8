import { expect, test } from 'vitest';
import { outcomeOf } from '../audit';
import { asCommand, asCurl, asMcp, quoted } from '../copy';
import { preferred } from '../i18n/preferred';
import { counted } from '../jobs';
import { grouped, search } from '../tools';
import { diffLines, isDiff } from './diff';
import { safeHref, sourceOf } from './media';
import type { Tool } from '../api/types';

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

test('what became of a call', () => {
  expect(outcomeOf({ outcome: 'ok', decision: 'allow' }).word).toBe('done');
  expect(outcomeOf({ outcome: 'timeout', decision: 'allow' }).word).toBe('failed');
  expect(outcomeOf({ outcome: null, decision: 'allow' }).word).toBe('running');
  expect(outcomeOf({ outcome: null, decision: 'deny' }).word).toBe('denied');
  expect(outcomeOf({ outcome: 'accepted', decision: 'allow' }).word).toBe('job');
  expect(outcomeOf({ outcome: 'input_required', decision: 'ask' }).word).toBe('asked');
});

test('jobs are counted over all queues', () => {
  expect(counted([{ queue: 'a', states: [['running', 1], ['dead', 2]] }, { queue: 'b', states: [['dead', 1]] }])).toEqual([['running', 1], ['dead', 3]]);
  expect(counted({ completed: 4 })).toEqual([['completed', 4]]);
  expect(counted(undefined)).toEqual([]);
});

test('the first language that we have', () => {
  expect(preferred(['de-AT', 'fr-CA', 'en'])).toBe('fr');
  expect(preferred([])).toBe('en');
});
