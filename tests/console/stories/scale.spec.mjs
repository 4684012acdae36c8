import { test, expect } from '../browser.mjs';

/** Rows as the hub gives them, as many as nobody wants to make by hand. */
const AUDIT_ROWS = 100_000;
const JOBS = 10_000;
/** A frame longer than this is felt; the machine may be busy with something else now and then. */
const FRAME_MS_MAX = 100;
const SLOW_FRAMES_MAX = 0.05;

function auditPage(url) {
  const query = new URL(url).searchParams;
  const [before, limit] = [Number(query.get('before') ?? AUDIT_ROWS + 1), Number(query.get('limit'))];
  const count = Math.min(limit, before - 1);
  const rows = Array.from({ length: count }, (_, place) => ({ seq: before - 1 - place, at_ms: 1_790_000_000_000 + before - place, call: `call-${before - 1 - place}`, caller: 'key:busy', entrance: 'http', tool: 'files_read', phase: 'done', outcome: 'ok', duration_us: 120, arguments: '{"path":"notes.md"}' }));
  return { rows, more: before - 1 - count > 0 };
}

function jobsPage(url) {
  const query = new URL(url).searchParams;
  const [from, limit] = [Number(query.get('cursor') ?? 0), Number(query.get('limit'))];
  const jobs = Array.from({ length: Math.min(limit, JOBS - from) }, (_, place) => ({ id: `${from + place}-a`, tool: 'files_list', caller: 'key:busy', queue: 'default', state: 'completed', priority: 0, attempt: 1, attempts_max: 3, created_ms: 1, updated_ms: 1_790_000_000_000, arguments: {} }));
  return { jobs, next: from + limit < JOBS ? String(from + limit) : null };
}

/** Scrolls to the end of a list, however long that gets, then through all of it; returns the frames' times. */
async function scrollThrough(page, label, last) {
  await page.locator(`.window[aria-label="${label}"]`).waitFor();
  return page.evaluate(
    async ({ label, last }) => {
      const list = document.querySelector(`.window[aria-label="${label}"]`);
      const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
      while (!list.querySelector(`[aria-posinset="${last}"]`)) {
        list.scrollTop = list.scrollHeight;
        await frame();
      }
      const times = [];
      let before = performance.now();
      for (let step = 0; step < 120; step += 1) {
        list.scrollTop = (list.scrollHeight * step) / 120;
        await frame();
        times.push(performance.now() - before);
        before = performance.now();
      }
      return { times, rows: list.querySelectorAll('[role=listitem]').length };
    },
    { label, last },
  );
}

function check({ times, rows }) {
  const slow = times.filter((ms) => ms > FRAME_MS_MAX).length / times.length;
  expect(slow, `frames over ${FRAME_MS_MAX} ms: ${times.map(Math.round).join(' ')}`).toBeLessThanOrEqual(SLOW_FRAMES_MAX);
  expect(rows, 'only what is in sight exists').toBeLessThan(80);
}

test('a hundred thousand records scroll smoothly', async ({ console, page }) => {
  test.setTimeout(120_000);
  await page.route('**/api/console/audit?*', (route) => route.fulfill({ json: auditPage(route.request().url()) }));
  await console.open('audit');
  check(await scrollThrough(page, 'Records', AUDIT_ROWS));
});

test('ten thousand jobs scroll smoothly', async ({ console, page }) => {
  await page.route('**/api/jobs?*', (route) => route.fulfill({ json: jobsPage(route.request().url()) }));
  await console.open('jobs');
  check(await scrollThrough(page, 'Jobs', JOBS));
});
