/** Answering what waits for the owner. */

import { post, Problem } from './api/request';
import type { Decision } from './api/types';
import { refreshApprovals } from './live.svelte';

/** Decides, and returns the rule that was made of it, if one was. What somebody else decided meanwhile is asked for anew. */
export async function decide(id: string, decision: Decision): Promise<string> {
  try {
    const answer = await post<{ rule?: unknown } | undefined>(`/api/console/approvals/${encodeURIComponent(id)}`, { decision });
    const rule = answer?.rule;
    return rule === undefined || rule === null ? '' : typeof rule === 'string' ? rule : JSON.stringify(rule);
  } finally {
    await refreshApprovals().catch((error: unknown) => {
      if (!(error instanceof Problem)) throw error;
    });
  }
}
