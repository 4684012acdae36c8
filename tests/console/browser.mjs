/** The browser of the stories, and who is signed in. */

import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { extname, join } from 'node:path';
import { test as base, expect } from '@playwright/test';
import { Hub } from './hub.mjs';

const require = createRequire(import.meta.url);
const AXE = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
/** While the console is developed: a freshly built one in place of that in the program. */
const DIST = process.env.DRAWBRIDGE_CONSOLE_FRESH;
const TYPES = { '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.html': 'text/html' };

export { expect };

/** Tests with a hub of their own file, and a page that tells of every error. */
export const test = base.extend({
  config: ['', { option: true, scope: 'worker' }],
  hub: [
    async ({ config }, use) => {
      const hub = await Hub.start(config);
      await use(hub);
      await hub.remove();
    },
    { scope: 'worker' },
  ],
  page: async ({ page }, use) => {
    const faults = [];
    page.on('pageerror', (error) => faults.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error' && !/Failed to load resource|net::ERR/.test(message.text())) faults.push(message.text());
    });
    await fresh(page);
    await use(page);
    expect(faults, 'errors in the page, violations of its security policy among them').toEqual([]);
  },
  /** A page that is signed in by a link. */
  console: async ({ page, hub }, use) => {
    await page.goto(await hub.link());
    await expect(page.getByRole('navigation', { name: /Pages|Navigation/ })).toBeAttached();
    await use(new Console(page, hub));
  },
});

export class Console {
  constructor(page, hub) {
    this.page = page;
    this.hub = hub;
  }

  /** Opens a page of the console by its address. */
  async open(path) {
    await this.page.goto(`${this.hub.address}/console/${path}`);
    await expect(this.page.locator('main .page, main .tools, main .chat').first()).toBeVisible();
  }
}

/** Everything that axe finds wrong. */
export async function axe(page) {
  await page.evaluate(AXE);
  const found = await page.evaluate(() => globalThis.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }));
  return found.violations.map((one) => `${one.id}: ${one.nodes.map((node) => `${node.target.join(' ')} ${node.failureSummary?.split('\n')[1] ?? ''}`).join(' | ')}`);
}

/** Puts the freshly built console in place of the one in the program, if there is one. */
export async function fresh(page) {
  if (!DIST) return;
  await page.route((url) => url.pathname.startsWith('/console/'), async (route) => {
    const name = new URL(route.request().url()).pathname.slice('/console/'.length);
    const file = join(DIST, extname(name) === '' ? 'index.html' : name);
    if (!existsSync(file)) return route.fulfill({ status: 404 });
    const shell = await route.fetch({ url: new URL('/console/', route.request().url()).href });
    const headers = { ...shell.headers(), 'content-type': TYPES[extname(file)] ?? 'application/octet-stream' };
    delete headers['content-encoding'];
    delete headers['content-length'];
    return route.fulfill({ status: 200, headers, body: readFileSync(file) });
  });
}
