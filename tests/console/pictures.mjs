/** Pictures of every page, to be looked at: `node pictures.mjs FOLDER [page…]`. */

import { mkdirSync } from 'node:fs';
import { chromium } from '@playwright/test';
import { Hub } from './hub.mjs';
import { CONFIG, furnish } from './scene.mjs';
import { fresh } from './browser.mjs';

const PAGES = ['', 'approvals', 'audit', 'tools', 'tools/files_edit', 'files?path=Drawbridge', 'terminals', 'chat', 'jobs', 'jobs?view=schedules&edit=new', 'jobs?view=webhooks', 'keys', 'keys?view=tiers', 'rules', 'providers', 'daemons', 'config', 'connect'];
const SIZES = { wide: { width: 1440, height: 900 }, phone: { width: 380, height: 760 } };

const [folder = 'pictures', ...wanted] = process.argv.slice(2);
mkdirSync(folder, { recursive: true });
const hub = await Hub.start(CONFIG);
const browser = await chromium.launch({ executablePath: process.env.DRAWBRIDGE_TEST_CHROMIUM ?? '/usr/bin/chromium', chromiumSandbox: false });
try {
  await furnish(hub);
  for (const [size, viewport] of Object.entries(SIZES)) {
    const context = await browser.newContext({ viewport, locale: 'en-GB', colorScheme: size === 'phone' ? 'dark' : 'light' });
    const page = await context.newPage();
    page.on('pageerror', (error) => console.log('error', error.message));
    page.on('console', (message) => message.type() === 'error' && console.log(message.text()));
    await fresh(page);
    await page.goto(`${hub.address}/console/`);
    await page.waitForTimeout(400);
    if (wanted.length === 0) await page.screenshot({ path: `${folder}/${size}-signin.png` });
    await page.goto('about:blank');
    await page.goto(await hub.link());
    await page.waitForTimeout(1200);
    for (const path of PAGES.filter((one) => wanted.length === 0 || wanted.includes(one || 'now'))) {
      await page.goto(`${hub.address}/console/${path}`);
      await page.waitForTimeout(1100);
      await page.screenshot({ path: `${folder}/${size}-${path.replaceAll(/[/?=&]/g, '-') || 'now'}.png` });
    }
    await context.close();
  }
} finally {
  await browser.close();
  await hub.remove();
}
