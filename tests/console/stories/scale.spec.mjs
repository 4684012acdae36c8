import { test, expect } from '../browser.mjs';

/** What the state was filled with before the hub opened it: `tests/it/console/filled.rs`. */
const RECORDS = 100_000;
const JOBS = 10_000;
/** Steps of a scroll through all of it. */
const STEPS = 120;
/** A step may cost so many times what a frame in which nothing happens costs at that time, and a little: the machine may be busy. */
const FRAMES_MAX = 4;
const FRAME_EXTRA_MS = 60;
/** Only what is in sight exists, however long the list is. */
const ROWS_MAX = 80;
const NODES_MAX = 2_500;

/** Scrolls until the last row is there, then through all of it; returns what that cost. */
function scrollThrough(page, label, oldest) {
  return page.evaluate(
    async ({ label, oldest, STEPS }) => {
      const list = document.querySelector(`.window[aria-label="${label}"]`);
      const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
      const timed = async (count, work) => {
        const times = [];
        let before = performance.now();
        for (let step = 0; step < count; step += 1) {
          work(step);
          await frame();
          times.push(performance.now() - before);
          before = performance.now();
        }
        return times.sort((a, b) => a - b);
      };
      while (!list.textContent.includes(oldest)) {
        list.scrollTop = list.scrollHeight;
        await frame();
      }
      let rows = 0;
      const idle = await timed(STEPS / 2, () => {});
      const moving = await timed(STEPS, (step) => {
        list.scrollTop = (list.scrollHeight * step) / STEPS;
        rows = Math.max(rows, list.querySelectorAll('[role=listitem]').length);
      });
      const all = Number(list.querySelector('[role=listitem]').getAttribute('aria-setsize'));
      return { idle: idle[idle.length >> 1], moving: moving[moving.length >> 1], rows, all, nodes: document.querySelectorAll('*').length };
    },
    { label, oldest, STEPS },
  );
}

function check({ idle, moving, rows, all, nodes }, count) {
  expect(all).toBeGreaterThanOrEqual(count);
  expect(rows, 'rows that exist at once').toBeLessThan(ROWS_MAX);
  expect(nodes, 'elements of the page').toBeLessThan(NODES_MAX);
  expect(moving, `a step of the scroll, in ms; a frame without one takes ${idle}`).toBeLessThan(FRAMES_MAX * idle + FRAME_EXTRA_MS);
}

test('a hundred thousand records scroll smoothly', async ({ console, page }) => {
  test.setTimeout(600_000);
  await console.open('audit');
  await page.locator('.window[aria-label="Records"] [role=listitem]').first().waitFor({ timeout: 60_000 });
  check(await scrollThrough(page, 'Records', 'oldest_call'), RECORDS);
  await expect(page.getByText(/records, none changed/)).toBeVisible({ timeout: 120_000 });
});

test('ten thousand jobs scroll smoothly, and one of them is found', async ({ console, page }) => {
  test.setTimeout(300_000);
  await console.open('jobs');
  await page.locator('.window[aria-label="Jobs"] [role=listitem]').first().waitFor({ timeout: 60_000 });
  check(await scrollThrough(page, 'Jobs', 'oldest_job'), JOBS);
  await page.getByRole('searchbox', { name: 'Tool' }).fill('oldest_job');
  await expect(page.locator('.window[aria-label="Jobs"] [role=listitem]')).toHaveCount(1, { timeout: 30_000 });
});
