/** Calls of tools that pages make for the owner. Where a rule asks first, the owner is asked right here. */

import { Problem } from './api/request';
import type { JsonObject, ToolResult } from './api/types';
import { Run } from './run.svelte';

let asking = $state.raw<{ run: Run; over: () => void } | undefined>();

export const question = {
  get open(): { run: Run; over: () => void } | undefined {
    return asking;
  },
};

/** Calls a tool, asks the owner what it asks, and returns its answer.
 *
 *  @throws Problem when it is refused, fails, or the owner leaves the question. */
export async function perform(tool: string, args: JsonObject): Promise<ToolResult> {
  const run = new Run(tool, args);
  await run.start();
  while (run.state === 'asking') await asked(run);
  if (run.problem) throw run.problem;
  if (run.state === 'cancelled') throw new Problem(0, 'cancelled', '');
  const result = run.result ?? { is_error: false, content: [] };
  if (!result.is_error) return result;
  throw new Problem(200, 'tool', result.content.map((block) => block.text ?? '').join('\n') || tool);
}

function asked(run: Run): Promise<void> {
  return new Promise((resolve) => {
    asking = {
      run,
      over: () => {
        asking = undefined;
        resolve();
      },
    };
  });
}
