import { writeFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test, expect, axe } from '../browser.mjs';
import { CONFIG, furnish } from '../scene.mjs';

test.use({ config: CONFIG });

/** What people try to get run in a page that shows what others wrote. */
const CORPUS = [
  '<img src=x onerror="globalThis.hit=1">', '<script>globalThis.hit=1</script>', '"><svg onload=globalThis.hit=1>', "javascript:globalThis.hit=1",
  '<a href="javascript:globalThis.hit=1">click</a>', '</textarea><script>globalThis.hit=1</script>', '{{constructor.constructor("globalThis.hit=1")()}}',
  '<iframe srcdoc="<script>parent.hit=1</script>">', '<style>*{display:none}</style>', '‮evil‬<b>x</b>', '[x](javascript:globalThis.hit=1)', '\u001b]8;;javascript:globalThis.hit=1\u0007link\u001b]8;;\u0007',
];

test('nothing that others wrote runs: results, file names, arguments, callers, jobs, approvals', async ({ console, page, hub }) => {
  const key = await hub.key('<img src=x onerror=globalThis.hit=1>').catch(() => hub.key('guest'));
  const all = CORPUS.join('\n');
  await hub.call(key, 'files_write', { path: 'Drawbridge/letter.txt', content: all });
  mkdirSync(join(hub.home, 'Drawbridge/odd'));
  for (const [place, text] of CORPUS.entries()) {
    const name = `${place}${text.replaceAll('/', '_').replace(/[\u0000-\u001f]/g, '')}`.slice(0, 100);
    writeFileSync(join(hub.home, 'Drawbridge/odd', name), text);
    await hub.call(key, 'files_read', { path: `Drawbridge/${text}` });
  }
  await hub.ask(key, 'POST', '/api/jobs', { tool: 'files_read', arguments: { path: CORPUS[0] } });
  await hub.call(key, 'files_purge', { path: CORPUS[2] });
  for (const path of ['', 'approvals', 'audit', 'jobs', 'files?path=Drawbridge%2Fodd', 'files?path=Drawbridge&file=Drawbridge%2Fletter.txt', `tools/${encodeURIComponent('<img src=x onerror=hit()>')}`, 'keys']) {
    await console.open(path);
    await page.waitForTimeout(300);
  }
  await console.open('tools/files_read');
  await page.getByRole('textbox', { name: 'path (required)' }).fill('Drawbridge/letter.txt');
  await page.keyboard.press('Control+Enter');
  await expect(page.getByText(CORPUS[1]).first()).toBeVisible();
  await console.open('tools/files_list');
  await page.getByLabel('path', { exact: true }).fill('Drawbridge/odd');
  await page.keyboard.press('Control+Enter');
  await expect(page.getByRole('cell', { name: /onerror/ })).toBeVisible();
  await console.open('files?path=Drawbridge%2Fodd');
  await expect(page.getByText('<img src=x onerror').first()).toBeVisible();
  expect(await page.evaluate(() => globalThis.hit)).toBeUndefined();
});

test('a tool whose every word is an attack is text and nothing else', async ({ console, page }) => {
  const evil = CORPUS[0];
  const tool = { name: 'evil_tool', title: evil, description: all(), input_schema: { type: 'object', properties: { [evil]: { type: 'string', title: CORPUS[2], description: CORPUS[1], default: evil }, pick: { enum: CORPUS } } }, annotations: { read_only: true, destructive: false, idempotent: true, open_world: false }, examples: [{ says: evil, arguments: {}, gives: '' }], timeout_ms: 1, result_bytes_max: 1 };
  const result = { is_error: false, content: [{ type: 'text', text: all() }, { type: 'image', mimeType: 'image/svg+xml', data: btoa('<svg onload="globalThis.hit=1"/>') }, { type: 'resource_link', uri: 'javascript:globalThis.hit=1', name: evil }, { type: 'resource', resource: { uri: 'ui://x', mimeType: 'text/html', text: all() } }] };
  function all() {
    return CORPUS.join(' ');
  }
  await page.route('**/api/tools', (route) => route.fulfill({ json: { tools: [tool] } }));
  await page.route('**/api/tools/evil_tool', (route) => route.fulfill({ json: result }));
  await console.open('tools/evil_tool');
  await expect(page.getByRole('heading', { name: evil })).toBeVisible();
  await page.keyboard.press('Control+Enter');
  await expect(page.getByRole('heading', { name: 'Done' })).toBeVisible();
  await expect(page.getByText('javascript:globalThis.hit=1').first()).toBeVisible();
  await expect(page.locator('a[href^="javascript"]')).toHaveCount(0);
  await expect(page.locator('main iframe, main script, main svg[onload]')).toHaveCount(0);
  expect(await page.evaluate(() => globalThis.hit)).toBeUndefined();
});

const PAGES = ['', 'approvals', 'audit', 'tools', 'tools/files_edit', 'tools/jobs_submit', 'files?path=Drawbridge', 'files?path=Drawbridge&file=Drawbridge%2Ftides.csv', 'terminals', 'chat', 'jobs', 'jobs?view=queues', 'jobs?view=schedules', 'jobs?view=schedules&edit=new', 'jobs?view=webhooks', 'keys', 'keys?view=tiers', 'rules', 'providers', 'daemons', 'config', 'connect', 'nowhere'];
const LOOKS = [
  { name: 'light', size: { width: 1440, height: 900 }, scheme: 'light' },
  { name: 'dark phone', size: { width: 380, height: 760 }, scheme: 'dark' },
];

/** The hub that is in use already: all tests of this file share one. */
let furnished;

for (const look of LOOKS) {
  test(`every page is accessible and fits: ${look.name}`, async ({ console, page, hub }) => {
    test.setTimeout(240_000);
    if (furnished !== hub) await furnish(hub);
    furnished = hub;
    await page.setViewportSize(look.size);
    await page.emulateMedia({ colorScheme: look.scheme, reducedMotion: 'reduce' });
    const faults = [];
    for (const path of PAGES) {
      await console.open(path);
      await page.waitForLoadState('networkidle', { timeout: 1500 }).catch(() => {});
      faults.push(...(await axe(page)).map((fault) => `${path || 'now'}: ${fault}`));
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      if (wide > 0) faults.push(`${path || 'now'} is ${wide} pixels too wide`);
      await page.screenshot({ path: test.info().outputPath(`${path.replaceAll(/[/?=%]/g, '-') || 'now'}.png`) });
    }
    expect(faults).toEqual([]);
  });
}

test('the widest screen is used, and nothing is lost on it', async ({ console, page }) => {
  await page.setViewportSize({ width: 2560, height: 1440 });
  await console.open('');
  const box = await page.locator('.page').boundingBox();
  expect(box.width).toBeGreaterThan(1500);
});

test('everything can be reached by keyboard', async ({ console, page }) => {
  await console.open('');
  await page.keyboard.press('Tab');
  await expect(page.getByRole('link', { name: 'Skip to the content' })).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(page.locator('main')).toBeFocused();
  await page.getByRole('link', { name: 'Tools' }).first().focus();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('searchbox', { name: 'Search tools' })).toBeVisible();
  await expect(page.locator('main'), 'the new page is where the reader is').toBeFocused();
});
