import { test, expect, axe } from '../browser.mjs';

test('a link signs in once, and leaves the address', async ({ page, hub, browser }) => {
  const link = await hub.link();
  await page.goto(link);
  await expect(page.getByRole('heading', { name: 'The bridge is lowered' })).toBeVisible();
  expect(page.url()).toBe(`${hub.address}/console/`);
  const kept = await page.evaluate(() => JSON.stringify([localStorage, sessionStorage, document.cookie]));
  expect(kept).not.toContain(link.split('link=')[1]);
  const cookies = await page.context().cookies();
  expect(cookies).toHaveLength(1);
  expect(cookies[0]).toMatchObject({ httpOnly: true, sameSite: 'Strict' });
  const other = await (await browser.newContext()).newPage();
  await other.goto(link);
  await expect(other.getByRole('alert')).toContainText('used or is older');
  await other.context().close();
});

test('a key can be pasted; a wrong one is told; signing out ends the session', async ({ page, hub }) => {
  await page.goto(`${hub.address}/console/jobs`);
  await expect(page.getByRole('heading', { name: 'Sign in to Drawbridge' })).toBeVisible();
  expect(await axe(page)).toEqual([]);
  await page.getByLabel('Owner’s key').fill('drawbridge_not-a-key-of-ours-0000000000000000');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect(page.getByRole('alert')).toContainText('not valid');
  const renewed = await hub.command('--json', 'keys', 'renew');
  const { secret, key } = JSON.parse(renewed);
  await page.getByLabel('Owner’s key').fill(secret ?? key);
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { name: 'Jobs', level: 1 }), 'the page that was asked for').toBeVisible();
  expect(await page.evaluate(() => JSON.stringify([localStorage, sessionStorage, location.href]))).not.toContain(secret ?? key);
  await page.reload();
  await expect(page.getByRole('heading', { name: 'Jobs', level: 1 })).toBeVisible();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await expect(page.getByRole('heading', { name: 'Sign in to Drawbridge' })).toBeVisible();
  await page.reload();
  await expect(page.getByRole('heading', { name: 'Sign in to Drawbridge' })).toBeVisible();
});
