/** A conversation with a model: what is said, what is streamed, and which tools are called on the way. Pure. */

import type { Json, JsonObject, Tool } from './api/types';

export interface ToolCall {
  id: string;
  name: string;
  /** JSON, as the model wrote it. */
  arguments: string;
}

export interface Message {
  role: 'user' | 'assistant' | 'tool';
  text: string;
  calls?: ToolCall[];
  /** Of a tool's answer: to which call, and whether it failed. */
  call?: string;
  failed?: boolean;
}

export interface Conversation {
  id: string;
  title: string;
  model: string;
  tools: string[];
  messages: Message[];
  updated_ms: number;
}

/** A model may call tools so many times in a row before it has to be asked on. */
export const ROUNDS_MAX = 16;
/** More of a tool's answer is not shown to the model. */
export const RESULT_CHARS_MAX = 32_768;

/** Messages as chat completions have them. */
export function wire(messages: readonly Message[]): JsonObject[] {
  return messages.map((message) => {
    if (message.role === 'tool') return { role: 'tool', tool_call_id: message.call ?? '', content: message.text };
    const calls = (message.calls ?? []).map((call): Json => ({ id: call.id, type: 'function', function: { name: call.name, arguments: call.arguments } }));
    return calls.length > 0 ? { role: message.role, content: message.text, tool_calls: calls } : { role: message.role, content: message.text };
  });
}

/** The tools that a model may call, of those that were chosen. */
export function toolsFor(chosen: readonly string[], all: readonly Tool[]): Json[] {
  return all.filter((tool) => chosen.includes(tool.name)).map((tool): Json => ({ type: 'function', function: { name: tool.name, description: tool.description, parameters: tool.input_schema as Json } }));
}

/** A part of a streamed answer. */
export interface Delta {
  content?: string | null;
  tool_calls?: { index: number; id?: string; function?: { name?: string; arguments?: string } }[];
}

/** The answer so far, with one more part. */
export function withDelta(message: Message, delta: Delta): Message {
  const calls = [...(message.calls ?? [])];
  for (const part of delta.tool_calls ?? []) {
    const before = calls[part.index] ?? { id: '', name: '', arguments: '' };
    calls[part.index] = { id: part.id ?? before.id, name: before.name + (part.function?.name ?? ''), arguments: before.arguments + (part.function?.arguments ?? '') };
  }
  const text = message.text + (delta.content ?? '');
  return calls.length > 0 ? { ...message, text, calls } : { ...message, text };
}

/** A title from the first thing that was said. */
export function titleOf(messages: readonly Message[]): string {
  const first = messages.find((message) => message.role === 'user')?.text.trim().split('\n')[0] ?? '';
  return first.length > 60 ? `${first.slice(0, 57)}…` : first;
}

/** The arguments of a call; nothing where the model wrote no object. */
export function argumentsOf(call: ToolCall): JsonObject | undefined {
  try {
    const value = JSON.parse(call.arguments || '{}') as Json;
    return value !== null && typeof value === 'object' && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
