/** Whether the preview of a call shows all of it. Where it does not, the arguments are shown as well: whoever decides must not miss the file that is changed, or what a command is given to read. */

import type { Approval } from './api/types';

/** Whether there is nothing in the arguments but what the preview shows: one text, such as a command. */
export function showsAll({ arguments: given, preview }: Pick<Approval, 'arguments' | 'preview'>): boolean {
  if (preview?.kind !== 'command' && preview?.kind !== 'text') return false;
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return false;
  const values = Object.values(given);
  return values.length === 1 && values[0] === preview.text;
}
