/** What the hub says, as far as the console reads it. Fields that a hub may leave out are optional. */

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };
export type JsonObject = { [name: string]: Json };

export interface Session {
  caller: { id: string; kind: string };
  expires_at_ms: number;
}

export interface Annotations {
  read_only: boolean;
  destructive: boolean;
  idempotent: boolean;
  open_world: boolean;
}

export interface Tool {
  name: string;
  title: string;
  description: string;
  input_schema: Schema;
  output_schema?: Schema;
  annotations: Annotations;
  examples: { says: string; arguments: JsonObject; gives: string }[];
  timeout_ms: number;
  result_bytes_max: number;
}

export type Schema = boolean | { [keyword: string]: unknown };

export interface Block {
  type: string;
  text?: string;
  data?: string;
  mimeType?: string;
  uri?: string;
  name?: string;
  title?: string;
  resource?: { uri: string; mimeType?: string; text?: string; blob?: string };
}

export interface ToolResult {
  is_error: boolean;
  content: Block[];
  structured?: Json;
  meta?: Json;
}

export interface InputRequest {
  kind: 'form' | 'url' | 'sampling' | 'roots';
  message?: string;
  schema?: Schema;
  url?: string;
}

export interface Approval {
  id: string;
  caller: string;
  tool: string;
  /** Which rule wants it asked. */
  why?: string;
  arguments: Json;
  preview?: { kind: 'command' | 'diff' | 'text' | 'none'; text: string };
  /** The calls above, the outermost first. One that goes on may have no record yet, and so no tool. */
  chain?: { call: string; tool: string | null; caller: string }[];
  asked_at_ms: number;
  expires_at_ms: number;
}

export type Decision = 'allow_once' | 'allow_hour' | 'allow_always' | 'deny';

export interface AuditRow {
  seq: number;
  at_ms: number;
  call: string;
  parent?: string | null;
  caller: string;
  entrance: string;
  tool: string;
  /** A call that may change something has a record before it (`intent`) and one after (`done`). */
  phase: 'intent' | 'done' | 'refused' | 'act';
  decision?: string | null;
  /** Why it was decided so. */
  why?: string | null;
  outcome?: string | null;
  duration_us?: number | null;
  result_bytes?: number | null;
  /** JSON as text, with secrets masked and long values cut. */
  arguments?: string | null;
  note?: string | null;
}

export interface Health {
  name: string;
  health?: string | undefined;
  detail?: string | null | undefined;
}

export interface Charts {
  minute_ms: number[];
  calls: number[];
  errors: number[];
  p50_us: number[];
  p99_us: number[];
  tokens_in?: number[];
  tokens_out?: number[];
}

export interface Connection {
  entrance: string;
  host?: string | null;
  caller: string;
  last_ms: number;
  calls: number;
}

export interface Now {
  bridge: 'lowered' | 'raised';
  version: string;
  started_at_ms: number;
  connections: Connection[];
  approvals: Approval[];
  /** The last record of the audit. */
  seq: number;
  jobs: { engine: string; concurrency: number; running: number; queues: { queue: string; paused?: boolean; states: [string, number][] }[] } | null;
  servers: { name: string; tools: number; health: string; broken: string | null }[];
  /** What keeps the jobs. */
  engine: { name: string | null; health: string; detail: string | null };
  providers: Json;
  daemons: Json;
  charts?: Charts;
}

export type JobState =
  | 'queued'
  | 'scheduled'
  | 'running'
  | 'waiting_for_input'
  | 'completed'
  | 'failed'
  | 'cancelled'
  | 'dead';

export interface Job {
  id: string;
  tool: string;
  caller: string;
  queue: string;
  state: JobState;
  priority: number;
  attempt: number;
  attempts_max: number;
  created_ms: number;
  updated_ms: number;
  started_ms?: number;
  ended_ms?: number;
  due_ms?: number;
  worker?: string;
  arguments?: Json;
  /** How far it is, what it asks, or why it failed. */
  message?: string;
  is_error?: boolean;
  requests?: Record<string, InputRequest>;
}
