import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, expect } from '../browser.mjs';

test.use({ config: "# A comment that stays.\n[[rules]]\ntools = ['files_purge']\nthen = 'deny' # never\n" });

test('a key is made, shown once, and revoked', async ({ console, page, hub }) => {
  await console.open('keys');
  await page.getByRole('button', { name: 'New key' }).click();
  const dialog = page.getByRole('dialog', { name: 'New key' });
  await dialog.getByRole('textbox', { name: /^Name/ }).fill('tablet');
  await dialog.getByRole('textbox', { name: /^Scopes/ }).fill('files_list');
  await expect(dialog.getByText('It would see 1 tool.')).toBeVisible();
  await dialog.getByRole('button', { name: 'Make the key' }).click();
  const secret = await dialog.locator('code').textContent();
  expect((await hub.call(secret, 'files_list')).status).toBe(200);
  expect((await hub.call(secret, 'files_read', { path: 'Drawbridge/x' })).status).toBe(404);
  await dialog.getByRole('button', { name: 'I have copied it' }).click();
  await expect(page.getByText(secret)).toHaveCount(0);
  await page.getByRole('button', { name: 'Revoke tablet' }).click();
  await expect(page.getByText('tablet opens nothing any more.')).toBeVisible();
  expect((await hub.call(secret, 'files_list')).status).toBe(401);
});

test('a change of rules shows what it would do before it is saved', async ({ console, page, hub }) => {
  const key = await hub.key('ruled');
  await console.open('rules');
  await expect(page.getByRole('textbox', { name: 'Tools' }).first()).toHaveValue('files_purge');
  await page.getByRole('button', { name: 'Add a rule' }).click();
  const rule = page.getByRole('listitem').filter({ has: page.getByRole('textbox', { name: 'Tools' }) }).nth(1);
  await rule.getByRole('textbox', { name: 'Tools' }).fill('files_write');
  await rule.getByRole('combobox', { name: 'Then' }).selectOption('deny');
  await expect(page.getByRole('button', { name: 'Save' })).toBeDisabled();
  await page.getByRole('button', { name: 'What would change' }).click();
  await expect(page.getByRole('heading', { name: /would change/ })).toBeVisible();
  await expect(page.getByRole('listitem').filter({ hasText: 'files_write' }).filter({ hasText: 'deny' }).first()).toBeVisible();
  expect((await hub.call(key, 'files_write', { path: 'Drawbridge/r.md', content: 'x' })).status).toBe(200);
  await page.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByText('Saved.')).toBeVisible();
  await expect.poll(async () => (await hub.call(key, 'files_write', { path: 'Drawbridge/r.md', content: 'x' })).status).not.toBe(200);
  expect(readFileSync(join(hub.state, 'config.toml'), 'utf8')).toContain('# A comment that stays.');
});

test('tiers are edited, with what would change shown first and comments kept; an old file is only read', async ({ console, page, hub }) => {
  const file = join(hub.state, 'tiers.toml');
  writeFileSync(file, "# My tiers.\n[LOOK]\nallowed_capabilities = ['files_list'] # no more\n", { mode: 0o600 });
  const key = await hub.key('visitor', '--tier', 'LOOK');
  await expect.poll(async () => (await hub.call(key, 'files_list')).status).toBe(200);
  await console.open('keys?view=tiers');
  const tier = page.getByRole('group', { name: 'Tier LOOK' });
  await expect(tier.getByText('Keys in it: visitor')).toBeVisible();
  await tier.getByRole('textbox', { name: /^Tools/ }).fill('files_list files_roots');
  await tier.getByRole('spinbutton', { name: 'Calls' }).fill('50');
  await expect(page.getByRole('button', { name: 'Save' })).toBeDisabled();
  await page.getByRole('button', { name: 'What would change' }).click();
  const preview = page.getByRole('region', { name: 'What would change' });
  const line = preview.getByRole('listitem').filter({ hasText: 'files_roots' });
  await expect(line.getByText('not seen')).toBeVisible();
  await expect(line.getByText('allow')).toBeVisible();
  await expect(preview.getByText('+rate_limit_requests = 50')).toBeVisible();
  expect((await hub.call(key, 'files_roots')).status).toBe(404);
  await page.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByText(/^Saved\./)).toBeVisible();
  await expect.poll(async () => (await hub.call(key, 'files_roots')).status).toBe(200);
  const text = readFileSync(file, 'utf8');
  expect(text).toContain('# My tiers.\n[LOOK]');
  expect(text).toContain('# no more');
  await page.getByRole('button', { name: 'Remove: LOOK' }).click();
  await page.getByRole('button', { name: 'What would change' }).click();
  await expect(page.getByText('Would see no tool any more: key:visitor')).toBeVisible();

  rmSync(file);
  writeFileSync(join(hub.state, 'licence_tiers.yaml'), 'PRO:\n  llm_access: true\n', { mode: 0o600 });
  await console.open('keys?view=tiers');
  await expect(page.getByText(/format of llmbasedos/)).toBeVisible();
  await expect(page.getByRole('group', { name: 'Tier PRO' }).getByRole('textbox', { name: 'Name', exact: true })).toBeDisabled();
  await expect(page.getByRole('button', { name: 'Save' })).toHaveCount(0);
  rmSync(join(hub.state, 'licence_tiers.yaml'));
});

test('the configuration keeps its comments, and what is wrong in it is not saved', async ({ console, page, hub }) => {
  await console.open('config');
  const text = page.getByRole('textbox', { name: 'config.toml' });
  await expect(text).toContainText('# A comment that stays.');
  await text.click();
  await page.keyboard.press('Control+End');
  await page.keyboard.insertText('\nnonsense = 1\n');
  await page.getByRole('button', { name: 'What would change' }).click();
  await expect(page.getByText(/nonsense/).first()).toBeVisible();
  await expect(page.getByRole('button', { name: 'Save' })).toBeDisabled();
  await page.keyboard.press('Escape');
  await text.click();
  await page.keyboard.press('Control+z');
  await page.keyboard.press('Control+End');
  await page.keyboard.insertText('\n# Another.\n');
  await page.getByRole('button', { name: 'What would change' }).click();
  await expect(page.getByRole('button', { name: 'Save' })).toBeEnabled();
  await page.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByText(/^Saved\./)).toBeVisible();
  const kept = readFileSync(join(hub.state, 'config.toml'), 'utf8');
  expect(kept).toContain('# A comment that stays.');
  expect(kept).toContain('# Another.');
});

test('a secret is written and never shown; applications are told how to connect', async ({ console, page, hub }) => {
  await console.open('providers');
  await page.getByLabel('Name').fill('openai');
  await page.getByRole('textbox', { name: 'Secret' }).fill('sk-never-to-be-seen');
  await page.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByText('The secret openai is kept.')).toBeVisible();
  await expect(page.getByRole('button', { name: 'Remove openai' })).toBeVisible();
  expect(await page.content()).not.toContain('sk-never-to-be-seen');
  await console.open('connect');
  await expect(page.getByRole('heading', { name: 'Any other application' })).toBeVisible();
  await expect(page.getByText(`${hub.address}/mcp`)).toBeVisible();
  await expect(page.getByRole('heading', { name: /Claude/ }).first()).toBeVisible();
});

test('the audit is filtered, whole, and shows all of one call', async ({ console, page, hub }) => {
  const key = await hub.key('audited');
  await hub.call(key, 'files_list', { path: 'Drawbridge' });
  await hub.call(key, 'files_roots');
  await console.open('audit');
  await expect(page.getByText(/records, none changed/)).toBeVisible();
  await page.getByLabel('Caller').fill('key:audited');
  await page.getByLabel('Tool').fill('files_list');
  await page.getByRole('link', { name: /files_list/ }).first().click();
  const call = page.getByRole('region', { name: 'One call' });
  await expect(call.getByText('key:audited')).toBeVisible();
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'Export' }).click()]);
  expect(readFileSync(await download.path(), 'utf8')).toContain('key:audited');
});
