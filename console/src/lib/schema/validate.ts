/** Whether a value fits a schema (JSON Schema 2020-12, as far as it can be told while somebody types). The hub
 *  decides; this only says early what it would say. What is not known here is let through. */

import type { Json, JsonObject, Schema } from '../api/types';
import { isObject, type Path } from './draft';
import { lookUp } from './field';

/** What is wrong, as a word that a language has a sentence for, and what belongs into that sentence. */
export interface Issue {
  path: Path;
  rule: Rule;
  limit: string;
}

export type Rule =
  | 'required'
  | 'unknown'
  | 'type'
  | 'enum'
  | 'min'
  | 'max'
  | 'step'
  | 'minLength'
  | 'maxLength'
  | 'pattern'
  | 'format'
  | 'minItems'
  | 'maxItems'
  | 'unique'
  | 'one'
  | 'never';

type Keywords = Exclude<Schema, boolean>;

/** Recursive schemas end here. */
const DEPTH_MAX = 32;
/** So many are enough to be told. */
export const ISSUES_MAX = 100;

export function validate(schema: Schema, value: Json): Issue[] {
  return new Check(schema).run(schema, value, [], 0).slice(0, ISSUES_MAX);
}

class Check {
  constructor(private readonly root: Schema) {}

  run(schema: Schema, value: Json, path: Path, depth: number): Issue[] {
    if (schema === true || depth > DEPTH_MAX) return [];
    if (schema === false) return [{ path, rule: 'never', limit: '' }];
    return [
      ...this.applied(schema, value, path, depth),
      ...this.plain(schema, value, path),
      ...(typeof value === 'string' ? text(schema, value, path) : []),
      ...(typeof value === 'number' ? numeric(schema, value, path) : []),
      ...(Array.isArray(value) ? this.list(schema, value, path, depth) : []),
      ...(isObject(value) ? this.object(schema, value, path, depth) : []),
    ];
  }

  private applied(schema: Keywords, value: Json, path: Path, depth: number): Issue[] {
    const issues: Issue[] = [];
    if (typeof schema.$ref === 'string') issues.push(...this.run(lookUp(schema.$ref, this.root), value, path, depth + 1));
    for (const part of listed(schema.allOf)) issues.push(...this.run(part, value, path, depth + 1));
    issues.push(...this.oneOfMany(listed(schema.anyOf), false, value, path, depth));
    issues.push(...this.oneOfMany(listed(schema.oneOf), true, value, path, depth));
    if (isSchema(schema.not) && this.run(schema.not, value, path, depth + 1).length === 0) issues.push({ path, rule: 'never', limit: '' });
    return issues;
  }

  /** Of alternatives that all fail, the one that came furthest says why. */
  private oneOfMany(branches: Schema[], exactly: boolean, value: Json, path: Path, depth: number): Issue[] {
    if (branches.length === 0) return [];
    const tried = branches.map((branch) => this.run(branch, value, path, depth + 1));
    const fitting = tried.filter((issues) => issues.length === 0).length;
    if (fitting === 1 || (fitting > 0 && !exactly)) return [];
    if (fitting > 1) return [{ path, rule: 'one', limit: '' }];
    if (branches.every((branch) => isObject(branch) && ('const' in branch || 'enum' in branch))) {
      const allowed = branches.flatMap((branch) => ((branch as Keywords).enum as Json[] | undefined) ?? [(branch as Keywords).const as Json]);
      return [{ path, rule: 'enum', limit: allowed.map(show).join(', ') }];
    }
    const deep = tried.filter((issues) => issues.every((issue) => issue.rule !== 'type' || issue.path.length > path.length));
    return [...(deep.length > 0 ? deep : tried)].sort((a, b) => a.length - b.length)[0] ?? [];
  }

  private plain(schema: Keywords, value: Json, path: Path): Issue[] {
    const types = Array.isArray(schema.type) ? (schema.type as string[]) : typeof schema.type === 'string' ? [schema.type] : [];
    if (types.length > 0 && !types.some((type) => isOf(type, value))) return [{ path, rule: 'type', limit: types.join(', ') }];
    if ('const' in schema && !same(schema.const as Json, value)) return [{ path, rule: 'enum', limit: show(schema.const as Json) }];
    const allowed = schema.enum as Json[] | undefined;
    if (Array.isArray(allowed) && !allowed.some((one) => same(one, value))) return [{ path, rule: 'enum', limit: allowed.map(show).join(', ') }];
    return [];
  }

  private list(schema: Keywords, value: Json[], path: Path, depth: number): Issue[] {
    const issues: Issue[] = [];
    if (value.length < num(schema.minItems, 0)) issues.push({ path, rule: 'minItems', limit: String(schema.minItems) });
    if (value.length > num(schema.maxItems, Infinity)) issues.push({ path, rule: 'maxItems', limit: String(schema.maxItems) });
    if (schema.uniqueItems === true && new Set(value.map(show)).size < value.length) issues.push({ path, rule: 'unique', limit: '' });
    const first = listed(schema.prefixItems);
    value.forEach((item, index) => {
      const inner = first[index] ?? schema.items;
      if (isSchema(inner)) issues.push(...this.run(inner, item, [...path, index], depth + 1));
    });
    return issues;
  }

  private object(schema: Keywords, value: JsonObject, path: Path, depth: number): Issue[] {
    const issues: Issue[] = [];
    const properties = (schema.properties ?? {}) as Record<string, Schema>;
    for (const name of (schema.required as string[] | undefined) ?? []) {
      if (!Object.hasOwn(value, name)) issues.push({ path: [...path, name], rule: 'required', limit: name });
    }
    for (const [name, member] of Object.entries(value)) {
      const inner = Object.hasOwn(properties, name) ? properties[name] : this.other(schema, name);
      if (inner === false) issues.push({ path: [...path, name], rule: 'unknown', limit: name });
      else if (isSchema(inner)) issues.push(...this.run(inner, member, [...path, name], depth + 1));
    }
    if (Object.keys(value).length < num(schema.minProperties, 0)) issues.push({ path, rule: 'minItems', limit: String(schema.minProperties) });
    if (Object.keys(value).length > num(schema.maxProperties, Infinity)) issues.push({ path, rule: 'maxItems', limit: String(schema.maxProperties) });
    return issues;
  }

  private other(schema: Keywords, name: string): Schema | undefined {
    for (const [pattern, inner] of Object.entries((schema.patternProperties ?? {}) as Record<string, Schema>)) {
      if (regular(pattern)?.test(name)) return inner;
    }
    return schema.additionalProperties as Schema | undefined;
  }
}

function text(schema: Keywords, value: string, path: Path): Issue[] {
  const length = [...value].length;
  if (length < num(schema.minLength, 0)) return [{ path, rule: 'minLength', limit: String(schema.minLength) }];
  if (length > num(schema.maxLength, Infinity)) return [{ path, rule: 'maxLength', limit: String(schema.maxLength) }];
  if (typeof schema.pattern === 'string' && regular(schema.pattern)?.test(value) === false) return [{ path, rule: 'pattern', limit: schema.pattern }];
  const format = FORMATS[String(schema.format)];
  return format && !format(value) ? [{ path, rule: 'format', limit: String(schema.format) }] : [];
}

function numeric(schema: Keywords, value: number, path: Path): Issue[] {
  const issue = (rule: Rule, limit: unknown): Issue[] => [{ path, rule, limit: String(limit) }];
  if (value < num(schema.minimum, -Infinity)) return issue('min', schema.minimum);
  if (value <= num(schema.exclusiveMinimum, -Infinity)) return issue('min', schema.exclusiveMinimum);
  if (value > num(schema.maximum, Infinity)) return issue('max', schema.maximum);
  if (value >= num(schema.exclusiveMaximum, Infinity)) return issue('max', schema.exclusiveMaximum);
  const step = num(schema.multipleOf, 0);
  return step > 0 && Math.abs(value / step - Math.round(value / step)) > 1e-9 ? issue('step', step) : [];
}

const FORMATS: Record<string, (value: string) => boolean> = {
  date: (value) => /^\d{4}-\d\d-\d\d$/.test(value) && !Number.isNaN(Date.parse(value)),
  'date-time': (value) => /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/.test(value) && !Number.isNaN(Date.parse(value)),
  time: (value) => /^\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d:\d\d)?$/.test(value),
  uri: (value) => URL.canParse(value),
  email: (value) => /^[^\s@]+@[^\s@]+$/.test(value),
};

function isOf(type: string, value: Json): boolean {
  switch (type) {
    case 'null':
      return value === null;
    case 'array':
      return Array.isArray(value);
    case 'object':
      return isObject(value);
    case 'integer':
      return typeof value === 'number' && Number.isInteger(value);
    default:
      return typeof value === type;
  }
}

/** Patterns are regular expressions of ECMAScript; one that is none says nothing. */
function regular(pattern: string): RegExp | undefined {
  try {
    return new RegExp(pattern, 'u');
  } catch {
    return undefined;
  }
}

const listed = (value: unknown): Schema[] => (Array.isArray(value) ? (value as Schema[]) : []);
const isSchema = (value: unknown): value is Schema => typeof value === 'boolean' || isObject(value);
const num = (value: unknown, otherwise: number): number => (typeof value === 'number' ? value : otherwise);
const show = (value: Json): string => (typeof value === 'string' ? value : JSON.stringify(value));

/** Whether two values are equal, whatever the order of their members. */
export function same(a: Json, b: Json): boolean {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, index) => same(item, b[index] ?? null));
  if (!isObject(a) || !isObject(b)) return false;
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => Object.hasOwn(b, name) && same(a[name] ?? null, b[name] ?? null));
}
