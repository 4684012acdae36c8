/** Server-sent events (WHATWG HTML, section 9.2) over fetch: with headers of ours, and any method. */

import { send, type Ask } from './request';

export interface ServerEvent {
  event: string;
  data: string;
  id: string | undefined;
}

/** No event is longer than this, in characters; more is a fault of the stream. */
export const EVENT_CHARS_MAX = 32 * 1024 * 1024;

/** Reads events out of pieces of text that end anywhere. */
export class EventParser {
  private rest = '';
  private event = '';
  private data: string[] = [];
  private chars = 0;
  private id: string | undefined;

  /** The events that are whole with this piece. */
  push(piece: string): ServerEvent[] {
    const events: ServerEvent[] = [];
    this.rest += piece;
    // A carriage return at the end may be the first half of a line's end.
    const lines = this.rest.split(/\r\n|\n|\r(?!$)/);
    this.rest = lines.pop() ?? '';
    this.bound(this.rest.length);
    for (const line of lines) {
      const event = this.line(line);
      if (event) events.push(event);
    }
    return events;
  }

  private line(line: string): ServerEvent | undefined {
    if (line === '') return this.dispatch();
    if (line.startsWith(':')) return undefined;
    const colon = line.indexOf(':');
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (name === 'event') this.event = value;
    else if (name === 'data') this.add(value);
    else if (name === 'id' && !value.includes('\0')) this.id = value;
    return undefined;
  }

  private add(value: string): void {
    this.chars += value.length;
    this.bound(this.chars);
    this.data.push(value);
  }

  private bound(chars: number): void {
    if (chars > EVENT_CHARS_MAX) throw new Error('an event of the stream is too long');
  }

  private dispatch(): ServerEvent | undefined {
    const { event, data, id } = this;
    this.event = '';
    this.data = [];
    this.chars = 0;
    if (data.length === 0) return undefined;
    return { event: event || 'message', data: data.join('\n'), id };
  }
}

/** Asks, and yields what the answer's stream tells. `heard` is called for every piece, so also for a sign of life. */
export async function* events(
  method: string,
  path: string,
  ask: Ask = {},
  heard: () => void = () => {},
): AsyncGenerator<ServerEvent> {
  const response = await send(method, path, { ...ask, headers: { Accept: 'text/event-stream', ...ask.headers } });
  heard();
  if (!response.headers.get('content-type')?.startsWith('text/event-stream')) {
    yield { event: 'result', data: await response.text(), id: undefined };
    return;
  }
  const parser = new EventParser();
  for await (const piece of pieces(response)) {
    heard();
    yield* parser.push(piece);
  }
}

async function* pieces(response: Response): AsyncGenerator<string> {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  if (!reader) return;
  try {
    for (let step = await reader.read(); !step.done; step = await reader.read()) yield step.value;
  } finally {
    await reader.cancel().catch(() => {});
  }
}
