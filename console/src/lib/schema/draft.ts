/** The value that a form edits: where its parts are, what it begins as, and how it changes without being changed in place. */

import type { Json, JsonObject } from '../api/types';
import type { Field } from './field';

export type Path = readonly (string | number)[];

export const isObject = (value: unknown): value is JsonObject =>
  value !== null && typeof value === 'object' && !Array.isArray(value);

/** What a field begins as: only what must be said, so that everything else stays the tool's own choice. */
export function blank(field: Field): Json {
  if (field.default !== undefined && field.default !== null) return structuredClone(field.default);
  if (field.nullable) return null;
  switch (field.kind) {
    case 'text':
      return '';
    case 'number':
      return field.min ?? 0;
    case 'boolean':
      return false;
    case 'choice':
      return field.choices[0]?.value ?? null;
    case 'choices':
      return [];
    case 'array':
      return Array.from({ length: field.min }, () => blank(field.item));
    case 'object':
      return blankObject(field);
    case 'union':
      return field.branches[0] ? blank(field.branches[0]) : null;
    default:
      return null;
  }
}

function blankObject(field: Field & { kind: 'object' }): JsonObject {
  const required = field.properties.filter((property) => property.required);
  return Object.fromEntries(required.map((property) => [property.name, blank(property.field)]));
}

/** The value at a path; `undefined` where nothing is. */
export function at(value: Json | undefined, path: Path): Json | undefined {
  let here = value;
  for (const step of path) {
    if (Array.isArray(here) && typeof step === 'number') here = here[step];
    else if (isObject(here) && Object.hasOwn(here, step)) here = here[step];
    else return undefined;
  }
  return here;
}

/** The same value with another part at this path; `undefined` takes the part away. */
export function withAt(value: Json | undefined, path: Path, part: Json | undefined): Json | undefined {
  const [step, ...rest] = path;
  if (step === undefined) return part;
  if (typeof step === 'number') return withItem(Array.isArray(value) ? value : [], step, rest, part);
  const object = isObject(value) ? value : {};
  const inner = withAt(Object.hasOwn(object, step) ? object[step] : undefined, rest, part);
  const entries = Object.entries(object).filter(([name]) => name !== step || inner !== undefined);
  const kept = entries.map(([name, old]) => [name, name === step ? inner : old] as const);
  if (inner !== undefined && !Object.hasOwn(object, step)) kept.push([step, inner]);
  return Object.fromEntries(kept) as JsonObject;
}

function withItem(list: Json[], index: number, rest: Path, part: Json | undefined): Json[] {
  const inner = withAt(list[index], rest, part);
  if (inner === undefined) return list.filter((_, place) => place !== index);
  return list.length <= index ? [...list, inner] : list.map((old, place) => (place === index ? inner : old));
}

/** The same list with two neighbours' places changed. */
export function swapped(list: Json[], from: number, to: number): Json[] {
  const [a, b] = [list[from], list[to]];
  return a === undefined || b === undefined ? list : list.map((old, place) => (place === from ? b : place === to ? a : old));
}

/** Which branch of a union a value is most likely of. */
export function branchOf(field: Field & { kind: 'union' }, value: Json | undefined): number {
  if (value === undefined) return 0;
  const scores = field.branches.map((branch) => likeness(branch, value));
  return scores.indexOf(Math.max(...scores));
}

function likeness(field: Field, value: Json): number {
  switch (field.kind) {
    case 'text':
      return typeof value === 'string' ? 2 : 0;
    case 'number':
      return typeof value === 'number' ? (Number.isInteger(value) === field.integer ? 3 : 2) : 0;
    case 'boolean':
      return typeof value === 'boolean' ? 2 : 0;
    case 'choice':
      return field.choices.some((choice) => JSON.stringify(choice.value) === JSON.stringify(value)) ? 4 : 0;
    case 'array':
    case 'choices':
      return Array.isArray(value) ? 2 : 0;
    case 'object':
      return isObject(value) ? 2 + members(field, value) : 0;
    case 'null':
      return value === null ? 4 : 0;
    default:
      return 1;
  }
}

/** How well an object's members fit: a constant that agrees tells most. */
function members(field: Field & { kind: 'object' }, value: JsonObject): number {
  return field.properties.reduce((sum, { name, field: inner, required }) => {
    const found = value[name];
    if (found === undefined) return required ? sum - 1 : sum;
    return sum + (inner.kind === 'choice' ? (likeness(inner, found) > 0 ? 8 : -8) : 1);
  }, 0);
}

/** JSON as it is shown and edited. */
export const pretty = (value: Json | undefined): string => (value === undefined ? '' : JSON.stringify(value, null, 2));
