/** From a JSON Schema to what a form shows. Pure: no page, no words of a language. */

import type { Json, JsonObject, Schema } from '../api/types';

type Keywords = Exclude<Schema, boolean>;

interface Base {
  title: string;
  description: string;
  /** What the tool takes when nothing is said. */
  default: Json | undefined;
  /** `null` is a value of its own. */
  nullable: boolean;
}

export interface Choice {
  value: Json;
  label: string;
  description: string;
}

/** How a text is best typed. */
export type TextShape = 'line' | 'lines' | 'date' | 'date-time' | 'time' | 'uri' | 'email' | 'secret' | 'file';

export type Field = Base &
  (
    | { kind: 'text'; shape: TextShape; minLength?: number; maxLength?: number; pattern?: string }
    | { kind: 'number'; integer: boolean; min?: number; max?: number; step?: number }
    | { kind: 'boolean' }
    | { kind: 'choice'; choices: Choice[] }
    | { kind: 'choices'; choices: Choice[] }
    | { kind: 'object'; properties: Property[]; others: Field | undefined }
    | { kind: 'array'; item: Field; min: number; max: number | undefined }
    | { kind: 'union'; branches: Field[] }
    | { kind: 'null' }
    | { kind: 'json' }
  );

export interface Property {
  name: string;
  required: boolean;
  field: Field;
}

/** Schemas may refer to themselves; deeper than this a form shows JSON. */
export const DEPTH_MAX = 8;

/** What a form shows for this schema. `root` is where references begin. */
export function fieldOf(schema: Schema, root: Schema = schema, depth = 0): Field {
  const flat = flatten(schema, root);
  const base = baseOf(flat);
  if (depth >= DEPTH_MAX) return { ...base, kind: 'json' };
  const types = typesOf(flat);
  const plain = types.filter((type) => type !== 'null');
  const nullable = types.includes('null');
  const branches = alternatives(flat, root);
  if ('const' in flat) return choice(base, [choiceOf(flat, root)]);
  if (Array.isArray(flat.enum)) return choice({ ...base, nullable: nullable || flat.enum.includes(null) }, namedChoices(flat));
  if (branches) return unionOf({ ...base, nullable }, branches, flat, root, depth);
  if (plain.length > 1) return manyTyped({ ...base, nullable }, flat, plain, root, depth);
  return typed({ ...base, nullable }, flat, plain[0] ?? implied(flat) ?? (nullable ? 'null' : undefined), root, depth);
}

function typed(base: Base, schema: Keywords, type: string | undefined, root: Schema, depth: number): Field {
  switch (type) {
    case 'string':
      return { ...base, kind: 'text', shape: shapeOf(schema), ...picked(schema, ['minLength', 'maxLength', 'pattern']) };
    case 'integer':
    case 'number':
      return { ...base, kind: 'number', integer: type === 'integer', ...limits(schema) };
    case 'boolean':
      return { ...base, kind: 'boolean' };
    case 'object':
      return objectOf(base, schema, root, depth);
    case 'array':
      return arrayOf(base, schema, root, depth);
    case 'null':
      return { ...base, kind: 'null' };
    default:
      return { ...base, kind: 'json' };
  }
}

function manyTyped(base: Base, schema: Keywords, types: string[], root: Schema, depth: number): Field {
  const branches = types.map((type) => ({ ...typed({ ...base, title: type, description: '' }, schema, type, root, depth + 1), nullable: false }));
  return { ...base, kind: 'union', branches };
}

function objectOf(base: Base, schema: Keywords, root: Schema, depth: number): Field {
  const required = new Set(Array.isArray(schema.required) ? (schema.required as string[]) : []);
  const properties = Object.entries((schema.properties ?? {}) as Record<string, Schema>).map(([name, inner]) => ({
    name,
    required: required.has(name),
    field: fieldOf(inner, root, depth + 1),
  }));
  // What must be said stands first; within that the schema's own order.
  properties.sort((a, b) => Number(b.required) - Number(a.required));
  const more = schema.additionalProperties;
  const open = more === undefined ? properties.length === 0 : more !== false;
  return { ...base, kind: 'object', properties, others: open ? fieldOf((more as Schema) ?? true, root, depth + 1) : undefined };
}

function arrayOf(base: Base, schema: Keywords, root: Schema, depth: number): Field {
  if (Array.isArray(schema.prefixItems)) return { ...base, kind: 'json' };
  const item = fieldOf((schema.items as Schema | undefined) ?? true, root, depth + 1);
  if (item.kind === 'choice' && schema.uniqueItems === true) return { ...base, kind: 'choices', choices: item.choices };
  return { ...base, kind: 'array', item, min: Number(schema.minItems ?? 0), max: schema.maxItems as number | undefined };
}

function unionOf(base: Base, branches: Schema[], schema: Keywords, root: Schema, depth: number): Field {
  const flat = branches.map((branch) => flatten(branch, root));
  const some = flat.filter((branch) => !isNull(branch));
  const nullable = base.nullable || some.length < flat.length;
  if (some.length > 0 && some.every((branch) => 'const' in branch || Array.isArray(branch.enum))) {
    return choice({ ...base, nullable }, some.flatMap((branch) => choicesOf(branch, root)));
  }
  const { anyOf: _, oneOf: __, ...around } = schema;
  const whole = some.map((branch) => merge(around, branch));
  if (whole.length === 1 && whole[0]) {
    const inner = fieldOf(whole[0], root, depth);
    return { ...inner, ...base, description: base.description || inner.description, nullable: true } as Field;
  }
  return { ...base, nullable, kind: 'union', branches: whole.map((branch) => fieldOf(branch, root, depth + 1)) };
}

/** The values of an `enum`, with the names that MCP's older forms give them beside it. */
function namedChoices(schema: Keywords): Choice[] {
  const names = Array.isArray(schema.enumNames) ? (schema.enumNames as unknown[]) : [];
  const all = (schema.enum as Json[]).map((value, place) => ({ ...plainChoice(value), ...(typeof names[place] === 'string' && { label: names[place] }) }));
  return all.filter((one) => one.value !== null);
}

const choice = (base: Base, choices: Choice[]): Field => ({ ...base, kind: 'choice', choices });
const plainChoice = (value: Json): Choice => ({ value, label: typeof value === 'string' ? value : JSON.stringify(value), description: '' });

function choiceOf(schema: Keywords, root: Schema): Choice {
  const base = baseOf(flatten(schema, root));
  const found = plainChoice(schema.const as Json);
  return { ...found, label: base.title || found.label, description: base.description };
}

function choicesOf(schema: Keywords, root: Schema): Choice[] {
  return 'const' in schema ? [choiceOf(schema, root)] : (schema.enum as Json[]).map(plainChoice);
}

function baseOf(schema: Keywords): Base {
  const text = (value: unknown): string => (typeof value === 'string' ? value : '');
  return { title: text(schema.title), description: text(schema.description), default: schema.default as Json | undefined, nullable: false };
}

function alternatives(schema: Keywords, _root: Schema): Schema[] | undefined {
  const found = schema.oneOf ?? schema.anyOf;
  return Array.isArray(found) && found.length > 0 ? (found as Schema[]) : undefined;
}

function typesOf(schema: Keywords): string[] {
  return Array.isArray(schema.type) ? (schema.type as string[]) : typeof schema.type === 'string' ? [schema.type] : [];
}

function implied(schema: Keywords): string | undefined {
  if ('properties' in schema || 'additionalProperties' in schema) return 'object';
  if ('items' in schema) return 'array';
  return undefined;
}

const isNull = (schema: Keywords): boolean => schema.type === 'null' || ('const' in schema && schema.const === null);

/** Words in a name that say what is in it, where the schema has none of its own. */
const LINES = /^(content|text|prompt|body|message|patch|script|command|input|new_text|old_text|system)$/;
const SECRET = /(^|_)(password|secret|token|api_key)$/;

function shapeOf(schema: Keywords): TextShape {
  if (schema.writeOnly === true || schema.format === 'password') return 'secret';
  if (schema.contentEncoding === 'base64') return 'file';
  const formats: Record<string, TextShape> = { date: 'date', 'date-time': 'date-time', time: 'time', uri: 'uri', url: 'uri', email: 'email', textarea: 'lines' };
  return formats[String(schema.format)] ?? 'line';
}

/** The same field, with what its name says about it. */
export function named(field: Field, name: string): Field {
  if (field.kind !== 'text' || field.shape !== 'line') return field;
  if (SECRET.test(name)) return { ...field, shape: 'secret' };
  return LINES.test(name) ? { ...field, shape: 'lines' } : field;
}

function limits(schema: Keywords): { min?: number; max?: number; step?: number } {
  const from = { min: schema.minimum ?? schema.exclusiveMinimum, max: schema.maximum ?? schema.exclusiveMaximum, step: schema.multipleOf };
  return Object.fromEntries(Object.entries(from).filter(([, value]) => typeof value === 'number'));
}

function picked(schema: Keywords, names: string[]): Record<string, never> {
  return Object.fromEntries(names.filter((name) => name in schema).map((name) => [name, schema[name]])) as Record<string, never>;
}

/** A schema with its references and `allOf` resolved, as far as a form needs it. */
export function flatten(schema: Schema, root: Schema, depth = 0): Keywords {
  if (typeof schema === 'boolean') return {};
  if (depth > DEPTH_MAX) return {};
  const { $ref: ref, allOf, ...own } = schema;
  let flat: Keywords = own;
  if (typeof ref === 'string') flat = merge(flatten(lookUp(ref, root), root, depth + 1), flat);
  if (Array.isArray(allOf)) for (const part of allOf as Schema[]) flat = merge(flatten(part, root, depth + 1), flat);
  return flat;
}

/** What a reference inside the same schema points to; anything for one that leads elsewhere. */
export function lookUp(ref: string, root: Schema): Schema {
  if (!ref.startsWith('#')) return true;
  const steps = ref.slice(1).split('/').slice(1).map((step) => decodeURIComponent(step).replaceAll('~1', '/').replaceAll('~0', '~'));
  let at: unknown = root;
  for (const step of steps) at = at !== null && typeof at === 'object' && Object.hasOwn(at, step) ? (at as JsonObject)[step] : undefined;
  return (at as Schema | undefined) ?? true;
}

function merge(below: Keywords, above: Keywords): Keywords {
  const merged = { ...below, ...above };
  if (below.properties && above.properties) merged.properties = { ...below.properties, ...above.properties };
  if (Array.isArray(below.required) && Array.isArray(above.required)) merged.required = [...new Set([...below.required, ...above.required])];
  return merged;
}
