/** What a form says about its fields, in the language of the page. */

import { t } from '../../lib/i18n/index.svelte';
import type { Field } from '../../lib/schema/field';
import type { Issue } from '../../lib/schema/validate';

export function issueText(issue: Issue): string {
  return t.form.issues[issue.rule](issue.limit);
}

/** What a field takes, in few words; nothing where that is clear from how it looks. */
export function hintOf(field: Field): string {
  if (field.kind === 'number') return range(field.min, field.max);
  if (field.kind === 'text' && field.maxLength !== undefined) return t.form.charsMax(field.maxLength);
  if (field.kind === 'array') return range(field.min || undefined, field.max);
  return '';
}

function range(min: number | undefined, max: number | undefined): string {
  if (min !== undefined && max !== undefined) return `${min}–${max}`;
  if (min !== undefined) return `≥ ${min}`;
  return max === undefined ? '' : `≤ ${max}`;
}
