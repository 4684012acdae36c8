import { test, expect } from '../browser.mjs';

test('a tool is found, filled in, run with Ctrl+Enter, and its result is a table', async ({ console, page, hub }) => {
  const key = await hub.key('writer');
  await hub.call(key, 'files_write', { path: 'Drawbridge/a.txt', content: 'rudder\n' });
  await console.open('tools');
  await page.keyboard.press('/');
  await page.keyboard.type('list folder');
  await page.getByRole('link', { name: /files_list/ }).click();
  await expect(page.getByRole('heading', { name: 'List a folder' })).toBeVisible();
  await page.getByLabel('path', { exact: true }).fill('Drawbridge');
  await page.getByRole('checkbox', { name: 'details' }).check();
  await page.getByLabel('sort').selectOption('"size"');
  const json = page.getByRole('textbox', { name: 'Arguments as JSON' });
  await expect(json).toContainText('"details": true');
  await page.keyboard.press('Control+Enter');
  await expect(page.getByRole('heading', { name: 'Done' })).toBeVisible();
  await expect(page.getByRole('cell', { name: 'a.txt' })).toBeVisible();
});

test('the form and the JSON are one thing; faults are told as one types', async ({ console, page }) => {
  await console.open('tools/jobs_list');
  await page.getByRole('textbox', { name: 'limit' }).fill('0');
  await expect(page.getByText('At least 1.')).toBeVisible();
  await page.getByRole('button', { name: 'Run Ctrl' }).click();
  await expect(page.getByText('1 argument does not fit.')).toBeVisible();
  await console.open('tools/files_edit');
  const form = page.getByRole('form', { name: 'Arguments' });
  await form.getByRole('textbox', { name: 'path (required)' }).fill('Drawbridge/a.txt');
  await form.getByRole('textbox', { name: 'old_text (required)' }).fill('x');
  await form.getByRole('button', { name: 'Add', exact: true }).click();
  await expect(form.getByRole('textbox', { name: 'old_text (required)' })).toHaveCount(2);
  await form.getByRole('button', { name: 'Remove item 2' }).click();
  const json = page.getByRole('textbox', { name: 'Arguments as JSON' });
  await expect(json).toContainText('"old_text": "x"');
  await json.click();
  await page.keyboard.press('Control+A');
  await page.keyboard.insertText('{"path": "b.txt", "edits": [{"old_text": "1", "new_text": "2"}], "nonsense": 1}');
  await expect(form.getByRole('textbox', { name: 'path (required)' })).toHaveValue('b.txt');
  await page.getByRole('button', { name: 'Run Ctrl' }).click();
  await expect(page.getByText('nonsense: The tool knows no nonsense.')).toBeVisible();
  await json.click();
  await page.keyboard.press('Control+A');
  await page.keyboard.insertText('{"path": ');
  await expect(page.getByText('This is not JSON yet.')).toBeVisible();
  await expect(form.getByRole('textbox', { name: 'path (required)' }), 'what fitted last stays').toHaveValue('b.txt');
});

test('a call is copied, run as a job, marked, and asked about by a rule', async ({ console, page, hub, context }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: hub.address });
  await console.open('tools/files_read');
  await page.getByRole('textbox', { name: 'path (required)' }).fill("Drawbridge/it's.txt");
  await page.getByRole('button', { name: 'drawbridge call' }).click();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toContain(`drawbridge call files_read '{"path":"Drawbridge/it'\\''s.txt"`);
  await page.getByRole('button', { name: 'Add to favourites' }).click();
  await expect(page.getByRole('heading', { name: 'Favourites' })).toBeVisible();
  await page.reload();
  await expect(page.getByRole('heading', { name: 'Favourites' }), 'the hub remembers it').toBeVisible();

  await console.open('tools/files_tree');
  await page.getByRole('button', { name: 'Run as job' }).click();
  await expect(page.getByRole('heading', { name: 'Result' })).toBeVisible();
  await expect(page.getByText('completed', { exact: true }).first()).toBeVisible();

  await console.open('tools/terminal_run');
  await page.getByLabel('command', { exact: true }).fill('echo from-the-form');
  await page.keyboard.press('Control+Enter');
  await expect(page.getByRole('heading', { name: 'Your answer is needed' }), 'what the rules ask is asked here').toBeVisible();
  await page.getByRole('button', { name: 'Allow once' }).click();
  await expect(page.getByText('from-the-form').last()).toBeVisible();
  await expect(page.getByRole('heading', { name: 'Done' })).toBeVisible();
});

test('a running call tells its progress and can be cancelled', async ({ console, page }) => {
  await console.open('tools/terminal_run');
  await page.getByLabel('command', { exact: true }).fill('sleep 60');
  await page.keyboard.press('Control+Enter');
  await page.getByRole('button', { name: 'Allow once' }).click();
  await expect(page.getByRole('heading', { name: 'Running' })).toBeVisible();
  await page.getByRole('button', { name: 'Cancel' }).click();
  await expect(page.getByRole('heading', { name: 'Cancelled' })).toBeVisible();
});
