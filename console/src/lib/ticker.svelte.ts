/** The present moment, for what says how long ago something was. Nothing ticks while nobody looks. */

import { createSubscriber } from 'svelte/reactivity';

/** How often it goes on, in milliseconds. */
const STEP_MS = 5000;

const subscribe = createSubscriber((update) => {
  const timer = setInterval(update, STEP_MS);
  return () => clearInterval(timer);
});

export function now(): number {
  subscribe();
  return Date.now();
}
