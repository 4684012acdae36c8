/** The tools: found by words, and grouped by their servers. */

import type { Tool } from './api/types';

/** A tool's server: what stands before the first underscore of its name. */
export const serverOf = (name: string): string => name.split('_')[0] ?? name;

/** The tools in which every word of the query is found, best first: in the name, the title, then the description. */
export function search(tools: readonly Tool[], query: string): Tool[] {
  const words = query.toLowerCase().split(/\s+/).filter((word) => word !== '');
  if (words.length === 0) return [...tools];
  const scored = tools.map((tool) => ({ tool, score: scoreOf(tool, words) })).filter(({ score }) => score > 0);
  return scored.sort((a, b) => b.score - a.score).map(({ tool }) => tool);
}

function scoreOf(tool: Tool, words: string[]): number {
  let sum = 0;
  for (const word of words) {
    const score = wordScore(tool, word);
    if (score === 0) return 0;
    sum += score;
  }
  return sum;
}

function wordScore(tool: Tool, word: string): number {
  const name = tool.name.toLowerCase();
  if (name === word) return 16;
  if (name.split('_').some((part) => part.startsWith(word))) return 8;
  if (name.includes(word)) return 6;
  if ((tool.title ?? '').toLowerCase().includes(word)) return 4;
  return tool.description.toLowerCase().includes(word) ? 1 : 0;
}

export interface Group {
  name: string;
  tools: Tool[];
}

/** The tools by server, those that the owner marked before all others. */
export function grouped(tools: readonly Tool[], favourites: readonly string[]): Group[] {
  const groups = new Map<string, Tool[]>();
  for (const tool of tools) {
    const server = serverOf(tool.name);
    groups.set(server, [...(groups.get(server) ?? []), tool]);
  }
  const marked = favourites.flatMap((name) => tools.filter((tool) => tool.name === name));
  const all = [...groups].map(([name, list]) => ({ name, tools: list }));
  return marked.length > 0 ? [{ name: '', tools: marked }, ...all] : all;
}

/** What kind of effect a tool has, in one word. */
export function effectOf(tool: Pick<Tool, 'annotations'>): 'reads' | 'changes' | 'destroys' {
  if (tool.annotations.read_only) return 'reads';
  return tool.annotations.destructive ? 'destroys' : 'changes';
}
