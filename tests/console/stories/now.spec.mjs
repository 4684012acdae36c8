import { test, expect } from '../browser.mjs';

/** A provider at a port where nobody listens. */
test.use({ config: "[llm.provider.gone]\nkind = 'llama-cpp'\naddress = 'http://127.0.0.1:9'\n" });

/** As often as a provider may fail before it is left alone. */
const FAILURES_MAX = 5;

test('how servers, jobs and models are is said in words', async ({ console, page, hub }) => {
  const item = (region, name) => page.getByRole('region', { name: region, exact: true }).getByRole('listitem').filter({ hasText: name });
  await expect(item('Servers', 'files')).toContainText(/\d+ tools\s*ok/);
  await expect(item('What keeps the jobs', 'embedded')).toContainText('ok');
  await expect(item('Models', 'gone')).toContainText('not asked yet');
  const key = await hub.key('asks');
  for (let time = 0; time < FAILURES_MAX; time += 1) await hub.call(key, 'llm_chat', { model: 'gone/any', prompt: 'Hi' });
  await expect(item('Models', 'gone'), 'it appears by itself').toContainText('left alone for now');
  expect(console).toBeTruthy();
});

test('calls appear as they happen, and the lever stops them', async ({ console, page, hub }) => {
  const key = await hub.key('watched');
  await expect(page.getByText('Live', { exact: true })).toBeVisible();
  await hub.call(key, 'files_list');
  const calls = page.getByRole('region', { name: 'Calls, as they happen' });
  await expect(calls.getByRole('link', { name: /files_list.*key:watched/ }).first()).toBeVisible();
  await page.getByRole('button', { name: 'Raise the bridge' }).click();
  await expect(page.getByRole('heading', { name: 'The bridge is raised' })).toBeVisible();
  expect((await hub.call(key, 'files_list')).status).toBe(423);
  await page.getByRole('button', { name: 'Lower the bridge' }).click();
  await expect(page.getByRole('heading', { name: 'The bridge is lowered' })).toBeVisible();
  expect((await hub.call(key, 'files_list')).status).toBe(200);
  await hub.command('raise');
  await expect(page.getByRole('heading', { name: 'The bridge is raised' }), 'somebody else raised it').toBeVisible();
  await hub.command('lower');
  await expect(page.getByRole('heading', { name: 'The bridge is lowered' })).toBeVisible();
  expect(console).toBeTruthy();
});

test('a lost connection is visible, heals, and brings what was missed', async ({ console, page, hub }) => {
  await console.open('');
  await expect(page.getByText('Live', { exact: true })).toBeVisible();
  const listen = hub.listen;
  await hub.stop();
  await expect(page.getByText('Connection lost')).toBeVisible({ timeout: 20_000 });
  await hub.serve(listen);
  await hub.command('call', 'files_roots', '{}');
  await expect(page.getByText('Live', { exact: true })).toBeVisible({ timeout: 30_000 });
  await expect(page.getByRole('region', { name: 'Calls, as they happen' }).getByText('files_roots').first()).toBeVisible();
});
