/** Telling the person something: a line in the corner, or a notification of the browser when the console is not in front. */

import { onApproval } from './live.svelte';
import { t } from './i18n/index.svelte';
import { go, href } from './router.svelte';

export interface Toast {
  id: number;
  tone: 'good' | 'bad' | 'info';
  text: string;
}

/** How many lines are shown at once, and for how long. */
const TOASTS_MAX = 4;
const TOAST_MS = 7000;

let toasts = $state.raw<Toast[]>([]);
let next = 0;

export const shown = {
  get toasts(): Toast[] {
    return toasts;
  },
};

export function say(tone: Toast['tone'], text: string): void {
  const id = (next += 1);
  toasts = [...toasts, { id, tone, text }].slice(-TOASTS_MAX);
  setTimeout(() => dismiss(id), TOAST_MS);
}

export function dismiss(id: number): void {
  toasts = toasts.filter((toast) => toast.id !== id);
}

/** Whether the browser may be asked for notifications. */
export const canNotify = (): boolean => 'Notification' in window && Notification.permission === 'default';

export async function allowNotifications(): Promise<boolean> {
  return (await Notification.requestPermission()) === 'granted';
}

/** New approvals are told: by the browser when somebody else is in front, else here. */
export function announce(): void {
  onApproval((approval) => {
    const text = t.approvals.wants(approval.caller, approval.tool);
    if (!document.hidden) {
      say('info', text);
    } else if ('Notification' in window && Notification.permission === 'granted') {
      const note = new Notification(t.approvals.title, { body: text, tag: approval.id, icon: '/console/icon.svg' });
      note.onclick = () => {
        window.focus();
        go(href('approvals'));
      };
    }
  });
}
