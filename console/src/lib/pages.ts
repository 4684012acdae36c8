/** The pages, in the order in which they stand in the navigation. Those that are not in the first load come when opened. */

import {
  Activity, Bot, Cable, FileCog, FolderOpen, Hand, KeyRound, ListChecks, MessagesSquare, Plug, ScrollText, ShieldCheck, SquareTerminal, Wrench,
  type IconNode,
} from 'lucide';
import type { Component } from 'svelte';
import Now from '../pages/Now.svelte';

export type PageName =
  | 'now' | 'approvals' | 'tools' | 'files' | 'terminals' | 'chat' | 'jobs'
  | 'audit' | 'keys' | 'rules' | 'providers' | 'daemons' | 'config' | 'connect';

interface Page {
  name: PageName;
  icon: IconNode;
  load: () => Promise<{ default: Component }>;
}

export const GROUPS: { name: 'watch' | 'use' | 'rule'; pages: Page[] }[] = [
  {
    name: 'watch',
    pages: [
      { name: 'now', icon: Activity, load: () => Promise.resolve({ default: Now }) },
      { name: 'approvals', icon: Hand, load: () => import('../pages/Approvals.svelte') },
      { name: 'audit', icon: ScrollText, load: () => import('../pages/Audit.svelte') },
    ],
  },
  {
    name: 'use',
    pages: [
      { name: 'tools', icon: Wrench, load: () => import('../pages/Tools.svelte') },
      { name: 'files', icon: FolderOpen, load: () => import('../pages/Files.svelte') },
      { name: 'terminals', icon: SquareTerminal, load: () => import('../pages/Terminals.svelte') },
      { name: 'chat', icon: MessagesSquare, load: () => import('../pages/Chat.svelte') },
      { name: 'jobs', icon: ListChecks, load: () => import('../pages/Jobs.svelte') },
    ],
  },
  {
    name: 'rule',
    pages: [
      { name: 'keys', icon: KeyRound, load: () => import('../pages/Keys.svelte') },
      { name: 'rules', icon: ShieldCheck, load: () => import('../pages/Rules.svelte') },
      { name: 'providers', icon: Bot, load: () => import('../pages/Providers.svelte') },
      { name: 'daemons', icon: Cable, load: () => import('../pages/Daemons.svelte') },
      { name: 'config', icon: FileCog, load: () => import('../pages/Config.svelte') },
      { name: 'connect', icon: Plug, load: () => import('../pages/Connect.svelte') },
    ],
  },
];

const PAGES = GROUPS.flatMap((group) => group.pages);

/** The page of this name. */
export const pageOf = (name: string): Page | undefined => PAGES.find((page) => page.name === name);
