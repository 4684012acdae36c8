/** A conversation under way: asks the model, calls the tools that it wants, asks on. */

import { isAborted, Problem, put, wordsOf } from './api/request';
import { events } from './api/sse';
import type { JsonObject, Tool } from './api/types';
import { argumentsOf, RESULT_CHARS_MAX, ROUNDS_MAX, titleOf, toolsFor, wire, withDelta, type Conversation, type Delta, type Message, type ToolCall } from './chat';
import { perform } from './perform.svelte';

export class Talk {
  messages = $state.raw<Message[]>([]);
  model = $state('');
  tools = $state.raw<string[]>([]);
  busy = $state(false);
  error = $state('');
  private stop = new AbortController();

  constructor(
    readonly id: string,
    kept?: Conversation,
  ) {
    if (!kept) return;
    this.messages = kept.messages;
    this.model = kept.model;
    this.tools = kept.tools;
  }

  /** Says something, and goes on until the model has answered and wants no more tools. */
  async say(text: string, catalog: readonly Tool[]): Promise<void> {
    this.messages = [...this.messages, { role: 'user', text }];
    await this.goOn(catalog);
  }

  cancel(): void {
    this.stop.abort();
  }

  private async goOn(catalog: readonly Tool[]): Promise<void> {
    this.busy = true;
    this.error = '';
    this.stop = new AbortController();
    try {
      for (let round = 0; round < ROUNDS_MAX; round += 1) {
        const calls = await this.ask(catalog);
        if (calls.length === 0) break;
        for (const call of calls) await this.use(call);
      }
    } catch (error) {
      if (!isAborted(error)) this.error = wordsOf(error);
    }
    this.busy = false;
    await this.keep();
  }

  /** One question and its streamed answer; returns which tools it wants. */
  private async ask(catalog: readonly Tool[]): Promise<ToolCall[]> {
    const tools = toolsFor(this.tools, catalog);
    const body: JsonObject = { model: this.model, messages: wire(this.messages), stream: true, ...(tools.length > 0 && { tools }) };
    const before = this.messages;
    let answer: Message = { role: 'assistant', text: '' };
    for await (const { event, data } of events('POST', '/v1/chat/completions', { body, signal: this.stop.signal })) {
      if (data === '[DONE]') break;
      const part = JSON.parse(data) as { choices?: { delta?: Delta; message?: { content?: string } }[]; error?: { message?: string } };
      if (part.error || event === 'error') throw new Problem(200, 'model', part.error?.message ?? data);
      answer = withDelta(answer, part.choices?.[0]?.delta ?? part.choices?.[0]?.message ?? {});
      this.messages = [...before, answer];
    }
    return answer.calls ?? [];
  }

  /** Calls a tool as the owner; what it says when it fails is told to the model. */
  private async use(call: ToolCall): Promise<void> {
    const args = argumentsOf(call);
    let text = 'the arguments are not a JSON object';
    let failed = true;
    if (args) {
      try {
        this.stop.signal.throwIfAborted();
        const result = await perform(call.name, args);
        text = result.content.map((block) => block.text ?? `[${block.type}]`).join('\n');
        failed = false;
      } catch (error) {
        if (isAborted(error)) throw error;
        text = wordsOf(error) || 'the owner declined';
      }
    }
    this.messages = [...this.messages, { role: 'tool', text: text.slice(0, RESULT_CHARS_MAX), call: call.id, failed }];
  }

  private async keep(): Promise<void> {
    const kept: Conversation = { id: this.id, title: titleOf(this.messages), model: this.model, tools: [...this.tools], messages: this.messages, updated_ms: Date.now() };
    await put(`/api/console/conversations/${encodeURIComponent(this.id)}`, kept).catch((error: unknown) => {
      this.error ||= wordsOf(error);
    });
  }
}
