import { expect, test } from 'vitest';
import type { Tool } from './api/types';
import { trial } from './webhooks';

const tool = (name: string, read_only: boolean, required: string[] = []): Tool => ({
  name, title: name, description: '', input_schema: { type: 'object', required }, annotations: { read_only, destructive: false, idempotent: true, open_world: false }, examples: [], timeout_ms: 1, result_bytes_max: 1,
});
const TOOLS = [tool('files_write', false), tool('files_read', true, ['path']), tool('files_roots', true), tool('jobs_queues', true)];
const receiver = { events: [], tools: [], paused: false, url: 'http://a/' };

test('a trial is a job that the receiver hears of, and that does nothing', () => {
  expect(trial(receiver, TOOLS)).toBe('jobs_queues');
  expect(trial({ ...receiver, tools: ['files_*'] }, TOOLS)).toBe('files_roots');
});

test('where no harmless job would be heard of, there is none', () => {
  expect(trial({ ...receiver, tools: ['files_write'] }, TOOLS)).toBeUndefined();
  expect(trial({ ...receiver, events: ['error'] }, TOOLS)).toBeUndefined();
  expect(trial({ ...receiver, paused: true }, TOOLS)).toBeUndefined();
  expect(trial({ ...receiver, url: null }, TOOLS)).toBeUndefined();
});
