/** A call, written for elsewhere. */

import type { JsonObject } from './api/types';

/** A word that a POSIX shell reads as this text, whatever is in it. */
export function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** With curl. The key is left to the environment: it is not known here. */
export function asCurl(origin: string, tool: string, args: JsonObject): string {
  const address = quoted(`${origin}/api/tools/${encodeURIComponent(tool)}`);
  return `curl -H "Authorization: Bearer $DRAWBRIDGE_KEY" --json ${quoted(JSON.stringify(args))} ${address}`;
}

export function asCommand(tool: string, args: JsonObject): string {
  return `drawbridge call ${quoted(tool)} ${quoted(JSON.stringify(args))}`;
}

/** As the request of a host that speaks MCP. */
export function asMcp(tool: string, args: JsonObject): string {
  return JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: tool, arguments: args } }, null, 2);
}
