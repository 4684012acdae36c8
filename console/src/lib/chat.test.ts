import { expect, test } from 'vitest';
import { argumentsOf, titleOf, wire, withDelta, type Message } from './chat';

test('an answer grows from its parts, calls of tools too', () => {
  const parts = [{ content: 'Hel' }, { content: 'lo' }, { tool_calls: [{ index: 0, id: 'a', function: { name: 'files_list', arguments: '{"pa' } }] }, { tool_calls: [{ index: 0, function: { arguments: 'th":""}' } }, { index: 1, id: 'b', function: { name: 'x' } }] }];
  const whole = parts.reduce<Message>(withDelta, { role: 'assistant', text: '' });
  expect(whole.text).toBe('Hello');
  expect(whole.calls).toEqual([{ id: 'a', name: 'files_list', arguments: '{"path":""}' }, { id: 'b', name: 'x', arguments: '' }]);
  expect(argumentsOf(whole.calls?.[0] ?? { id: '', name: '', arguments: '' })).toEqual({ path: '' });
  expect(wire([whole, { role: 'tool', text: 'ok', call: 'a' }])).toEqual([
    { role: 'assistant', content: 'Hello', tool_calls: [{ id: 'a', type: 'function', function: { name: 'files_list', arguments: '{"path":""}' } }, { id: 'b', type: 'function', function: { name: 'x', arguments: '' } }] },
    { role: 'tool', tool_call_id: 'a', content: 'ok' },
  ]);
});

test('arguments that are none are nothing', () => {
  for (const bad of ['{', '[]', '"x"', 'null']) expect(argumentsOf({ id: '', name: '', arguments: bad })).toBeUndefined();
  expect(argumentsOf({ id: '', name: '', arguments: '' })).toEqual({});
});

test('a title is the first line that was said, cut', () => {
  expect(titleOf([{ role: 'user', text: ' a\nb' }])).toBe('a');
  expect(titleOf([{ role: 'user', text: 'x'.repeat(61) }])).toHaveLength(58);
  expect(titleOf([])).toBe('');
});
