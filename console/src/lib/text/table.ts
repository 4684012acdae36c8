/** Which answers are tables, and of which columns. */

import type { Json, JsonObject } from '../api/types';
import { isObject } from '../schema/draft';

/** A table wider than this is easier to read as a tree. */
export const COLUMNS_MAX = 12;

/** The columns of rows, in the order in which they first come. */
export function columnsOf(rows: readonly JsonObject[]): string[] {
  return [...new Set(rows.flatMap((row) => Object.keys(row)))];
}

/** The rows in an answer: the answer itself, or its only list of objects. */
export function rowsOf(value: Json | undefined): JsonObject[] | undefined {
  const lists = Array.isArray(value) ? [value] : isObject(value) ? Object.values(value).filter((part): part is Json[] => Array.isArray(part)) : [];
  const [list] = lists;
  if (lists.length !== 1 || !list || list.length === 0 || !list.every(isObject)) return undefined;
  const rows = list as JsonObject[];
  return columnsOf(rows).length <= COLUMNS_MAX ? rows : undefined;
}

/** Text as JSON, if that is what it is: an object or a list. */
export function jsonOf(text: string): Json | undefined {
  if (!/^\s*[[{]/.test(text)) return undefined;
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}
