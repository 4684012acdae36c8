import { expect, test } from 'vitest';
import type { JsonObject, ToolResult } from './api/types';
import { allOf, type Call } from './ranges';

const BYTES = Uint8Array.from({ length: 1000 }, (_, place) => place % 256);

/** A hub with one file, of which an answer holds 300 bytes. */
function hub(revision: (from: number) => string): { call: Call; asked: number[] } {
  const asked: number[] = [];
  const call = (_: string, args: JsonObject): Promise<ToolResult> => {
    const from = Number(args.from_byte);
    asked.push(from);
    const part = BYTES.subarray(from, from + 300);
    const next = from + part.length < BYTES.length ? { next_byte: from + part.length } : {};
    const meta = { 'drawbridge/files': { path: 'a', size_bytes: BYTES.length, revision: revision(from), ...next } };
    return Promise.resolve({ is_error: false, content: [{ type: 'resource', resource: { uri: 'a', blob: btoa(String.fromCharCode(...part)) } }], meta });
  };
  return { call, asked };
}

test('pieces make the whole, and tell how far they are', async () => {
  const { call, asked } = hub(() => 'one');
  const told: number[] = [];
  const whole = await allOf('a', call, new AbortController().signal, (bytes) => told.push(bytes));
  expect(new Uint8Array(await whole.arrayBuffer())).toEqual(BYTES);
  expect([asked, told]).toEqual([[0, 300, 600, 900], [300, 600, 900, 1000]]);
});

test('a file that changes meanwhile is no whole', async () => {
  const { call } = hub((from) => (from < 600 ? 'one' : 'other'));
  await expect(allOf('a', call, new AbortController().signal)).rejects.toThrow(/changed/);
});
