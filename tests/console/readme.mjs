/** Makes the picture that the README opens with: `node readme.mjs [FILE]`, with `DRAWBRIDGE_TEST_BIN` naming the program. */

import { fileURLToPath } from 'node:url';
import { chromium } from '@playwright/test';
import { fresh } from './browser.mjs';
import { Hub } from './hub.mjs';
import { CONFIG, furnish } from './scene.mjs';

const file = process.argv[2] ?? fileURLToPath(new URL('../../docs/console.png', import.meta.url));
const hub = await Hub.start(CONFIG);
const browser = await chromium.launch({ executablePath: process.env.DRAWBRIDGE_TEST_CHROMIUM ?? '/usr/bin/chromium', chromiumSandbox: false });
try {
  await furnish(hub);
  const page = await browser.newPage({ viewport: { width: 1360, height: 850 }, locale: 'en-GB' });
  await fresh(page);
  await page.goto(await hub.link());
  await page.getByRole('article', { name: /wants to run/ }).waitFor();
  await page.locator('canvas').first().waitFor();
  await page.screenshot({ path: file });
} finally {
  await browser.close();
  await hub.remove();
}
