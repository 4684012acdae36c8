/** A hub in use: what an owner's machine could look like on an ordinary morning. */

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export const CONFIG = `
# What asks, and what does not.
[[rules]]
tools = ["terminal_run"]
callers = ["key:claude-desktop"]
then = "ask"

[[rules]]
tools = ["terminal_*"]
then = "allow"
`;

export async function furnish(hub) {
  const root = join(hub.home, 'Drawbridge');
  mkdirSync(join(root, 'notes'), { recursive: true });
  writeFileSync(join(root, 'notes/boats.md'), '# Boats\n\n- *Ada* needs a new rudder before spring\n- *Grace* is for sale\n');
  writeFileSync(join(root, 'notes/todo.md'), '# To do\n\n- [ ] call the harbour master\n- [x] renew the mooring\n');
  writeFileSync(join(root, 'tides.csv'), 'day,high,low\nMon,3.1,0.4\nTue,3.3,0.2\n');
  const claude = await hub.key('claude-desktop');
  const editor = await hub.key('vs-code', '--scope', 'files_*');
  for (let round = 0; round < 12; round += 1) {
    await hub.call(claude, 'files_list', { path: 'Drawbridge', details: true });
    await hub.call(editor, 'files_read', { path: 'Drawbridge/notes/boats.md' });
    if (round % 3 === 0) await hub.call(claude, 'files_search', { pattern: 'rudder' });
  }
  await hub.call(claude, 'files_read', { path: 'Drawbridge/notes/anchors.md' });
  await hub.call(editor, 'files_write', { path: 'Drawbridge/notes/log.md', content: '# Log\n\nHigh water at 06:14.\n' });
  await hub.ask(claude, 'POST', '/api/jobs', { tool: 'files_tree', arguments: {} });
  await hub.ask(claude, 'POST', '/api/jobs', { tool: 'files_read', arguments: { path: 'Drawbridge/weather.md' } });
  await hub.ask(claude, 'POST', '/api/jobs', { tool: 'files_list', arguments: {}, options: { delay_ms: 3_600_000 } });
  await hub.call(claude, 'terminal_run', { command: 'rsync -a ~/Drawbridge/notes/ harbour:/srv/notes/' });
  return { claude, editor };
}
