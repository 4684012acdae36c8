/** One call of a tool from the console: under way, asking something, or over. */

import { isAborted, post, Problem, request, wordsOf } from './api/request';
import { events, type ServerEvent } from './api/sse';
import type { InputRequest, Job, Json, JsonObject, ToolResult } from './api/types';

/** How many lines of a tool's log are kept. */
export const LOG_LINES_MAX = 500;

/** The console shows the owner's questions as forms, and says so. */
export const CAN_ASK = { 'Drawbridge-Can-Ask': 'form' };

type State = 'running' | 'asking' | 'done' | 'failed' | 'cancelled' | 'job';

export interface Progress {
  progress: number;
  total: number | null;
  message: string | null;
}

export class Run {
  state = $state<State>('running');
  progress = $state.raw<Progress | undefined>();
  log = $state.raw<string[]>([]);
  result = $state.raw<ToolResult | undefined>();
  problem = $state.raw<Problem | undefined>();
  requests = $state.raw<Record<string, InputRequest>>({});
  job = $state('');
  readonly began = Date.now();
  tookMs = $state(0);
  private requestState = '';
  private stop = new AbortController();

  constructor(
    readonly tool: string,
    readonly args: JsonObject,
  ) {}

  start(): Promise<void> {
    return this.follow(`/api/tools/${encodeURIComponent(this.tool)}`, this.args);
  }

  /** Gives what the call asked for, and lets it go on. */
  answer(responses: Record<string, Json>): Promise<void> {
    this.state = 'running';
    const body = { arguments: this.args, responses, request_state: this.requestState || null };
    return this.follow(`/api/tools/${encodeURIComponent(this.tool)}/answer`, body);
  }

  cancel(): void {
    this.stop.abort();
    this.over('cancelled');
  }

  get open(): boolean {
    return this.state === 'running' || this.state === 'asking';
  }

  private async follow(path: string, body: unknown): Promise<void> {
    try {
      const asked = { body, signal: this.stop.signal, headers: CAN_ASK };
      for await (const event of events('POST', path, asked)) this.take(event);
      if (this.state === 'running') this.fail(new Problem(0, 'unreachable', 'the hub closed the connection'));
    } catch (error) {
      if (isAborted(error)) return;
      this.fail(error instanceof Problem ? error : new Problem(0, 'unreachable', wordsOf(error)));
    }
  }

  private take({ event, data }: ServerEvent): void {
    const value = JSON.parse(data) as Record<string, unknown>;
    if (event === 'progress') this.progress = value as unknown as Progress;
    else if (event === 'log') this.log = [...this.log, `${String(value.level)} ${typeof value.data === 'string' ? value.data : JSON.stringify(value.data)}`].slice(-LOG_LINES_MAX);
    else if (event === 'problem') this.fail(new Problem(Number(value.status), String(value.type).replace(/.*:/, ''), String(value.detail), value));
    else if (event === 'result') this.finish(value);
  }

  private finish(value: Record<string, unknown>): void {
    if (typeof value.job === 'string') {
      this.job = value.job;
      this.over('job');
      return;
    }
    this.result = value as unknown as ToolResult;
    this.over(this.result.is_error ? 'failed' : 'done');
  }

  private fail(problem: Problem): void {
    if (problem.kind === 'input-required') {
      this.requests = problem.more.requests as Record<string, InputRequest>;
      this.requestState = String(problem.more.request_state ?? '');
      this.state = 'asking';
      return;
    }
    this.problem = problem;
    this.over('failed');
  }

  private over(state: State): void {
    this.state = state;
    this.tookMs = Date.now() - this.began;
  }
}

/** Submits a call as a job. */
export async function submit(tool: string, args: JsonObject): Promise<Job> {
  const answer = await post<{ job: Job } | Job>('/api/jobs', { tool, arguments: args });
  return 'job' in answer ? answer.job : answer;
}

/** Runs kept in this page, newest first: they are forgotten with it, because arguments can be private. */
export const RUNS_KEPT_MAX = 50;
let runs = $state.raw<Run[]>([]);
export const history = {
  of: (tool: string): Run[] => runs.filter((run) => run.tool === tool),
  add: (run: Run): void => {
    runs = [run, ...runs].slice(0, RUNS_KEPT_MAX);
  },
};

/** Calls a tool for a page of the console, and returns its structured answer. What it wants to ask is a problem here. */
export async function call<T>(tool: string, args: JsonObject, signal?: AbortSignal): Promise<T> {
  return (await whole(tool, args, signal)).structured as T;
}

/** Calls a tool, and returns all of its answer; an error that the tool tells is thrown. */
export async function whole(tool: string, args: JsonObject, signal?: AbortSignal): Promise<ToolResult> {
  const result = await request<ToolResult>('POST', `/api/tools/${encodeURIComponent(tool)}`, { body: args, signal });
  if (!result.is_error) return result;
  throw new Problem(200, 'tool', result.content.map((block) => block.text ?? '').join('\n') || tool);
}
