/** Unified diffs: told from other text, and taken apart into lines. */

export interface DiffLine {
  kind: 'head' | 'place' | 'added' | 'removed' | 'same';
  text: string;
}

/** Whether a text is a unified diff. */
export function isDiff(text: string): boolean {
  return /^@@ -\d+(,\d+)? \+\d+(,\d+)? @@/m.test(text) && /^[-+]/m.test(text);
}

export function diffLines(text: string): DiffLine[] {
  return text.replace(/\n$/, '').split('\n').map((line) => ({ kind: kindOf(line), text: line }));
}

function kindOf(line: string): DiffLine['kind'] {
  if (/^(---|\+\+\+|diff |index )/.test(line)) return 'head';
  if (line.startsWith('@@')) return 'place';
  if (line.startsWith('+')) return 'added';
  return line.startsWith('-') ? 'removed' : 'same';
}
