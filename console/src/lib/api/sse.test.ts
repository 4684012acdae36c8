import { expect, test } from 'vitest';
import { EVENT_CHARS_MAX, EventParser } from './sse';

const all = (...pieces: string[]): unknown[] => {
  const parser = new EventParser();
  return pieces.flatMap((piece) => parser.push(piece));
};

test('events are read wherever the pieces end', () => {
  const text = 'id: 7\nevent: call\ndata: {"a":1}\n\n: ping\n\ndata: x\ndata: y\n\n';
  const whole = all(text);
  expect(whole).toEqual([
    { event: 'call', data: '{"a":1}', id: '7' },
    { event: 'message', data: 'x\ny', id: '7' },
  ]);
  for (let cut = 1; cut < text.length; cut += 1) expect(all(text.slice(0, cut), text.slice(cut))).toEqual(whole);
});

test('all three ends of lines are ends', () => {
  expect(all('data: a\r', '\n\r\n')).toEqual([{ event: 'message', data: 'a', id: undefined }]);
  expect(all('data:a\r\rx')).toEqual([{ event: 'message', data: 'a', id: undefined }]);
});

test('what has no data is no event, and what is cut off is none either', () => {
  expect(all('event: call\n\n', 'data: a\n')).toEqual([]);
});

test('an event without end is refused', () => {
  const parser = new EventParser();
  expect(() => parser.push('data: ' + 'x'.repeat(EVENT_CHARS_MAX))).toThrow(/too long/);
});
