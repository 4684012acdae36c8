import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { test, expect } from '../browser.mjs';

/** A receiver of webhooks, as somebody else would have one: it keeps what it is told, and how it was signed. */
const told = [];
const server = createServer(async (request, response) => {
  let body = '';
  for await (const piece of request) body += piece;
  told.push({ headers: request.headers, body });
  response.end();
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
server.unref();
const address = `http://127.0.0.1:${server.address().port}/hear`;

test.use({ config: '[webhooks]\nallow = ["127.0.0.1"]\n', timezoneId: 'Asia/Tokyo' });

test('a schedule is made from a form that shows its next times, and changed in its place', async ({ console, page, hub }) => {
  const key = await hub.key('reader');
  await console.open('jobs?view=schedules');
  await page.getByRole('button', { name: 'New schedule' }).click();
  const form = page.getByRole('region', { name: 'New schedule' });
  await form.getByRole('textbox', { name: 'Name' }).fill('look around');
  await form.getByRole('combobox', { name: 'Tool' }).selectOption('files_list');
  await form.getByLabel('path', { exact: true }).fill('Drawbridge');
  await form.getByRole('textbox', { name: 'Cron pattern' }).fill('61 * * * *');
  await expect(form.getByText(/no cron pattern/)).toBeVisible();
  await form.getByRole('button', { name: 'working days at 7:30' }).click();
  await expect(form.getByText('Next times, on the clocks of Asia/Tokyo')).toBeVisible();
  await expect(form.getByRole('listitem').filter({ hasText: '07:30' })).toHaveCount(5);
  await form.getByRole('button', { name: 'Save' }).click();
  const row = page.getByRole('listitem').filter({ hasText: 'look around' });
  await expect(row.getByText('30 7 * * mon-fri Asia/Tokyo')).toBeVisible();

  await page.getByRole('button', { name: 'Change the schedule: look around' }).click();
  const change = page.getByRole('region', { name: 'Change the schedule' });
  await expect(change.getByLabel('path', { exact: true })).toHaveValue('Drawbridge');
  await change.getByRole('radio', { name: 'Again and again' }).check();
  await change.getByRole('spinbutton', { name: 'Every' }).fill('2');
  await change.getByRole('combobox', { name: 'Unit' }).selectOption('days');
  await expect(change.getByRole('listitem')).toHaveCount(5);
  await change.getByRole('button', { name: 'Save' }).click();
  await expect(row.getByText('every 2 days')).toBeVisible();
  await page.getByRole('button', { name: 'Run look around now' }).click();
  await expect(page.getByRole('heading', { name: /files_list/ })).toBeVisible();
  await expect(page.getByText('completed', { exact: true }).first()).toBeVisible();
  expect(key).toBeTruthy();
});

test('a receiver gets its secret once, hears of a trial, and is changed in its place', async ({ console, page }) => {
  await console.open('jobs?view=webhooks');
  await page.getByRole('button', { name: 'New receiver' }).click();
  const dialog = page.getByRole('dialog', { name: 'New receiver' });
  await dialog.getByRole('textbox', { name: /^Address/ }).fill(address);
  await dialog.getByRole('checkbox', { name: 'failed for good' }).uncheck();
  await dialog.getByRole('button', { name: 'Make it' }).click();
  await page.getByRole('dialog', { name: 'Your answer is needed' }).getByRole('button', { name: 'Allow once' }).click();
  const secret = await dialog.locator('code').textContent();
  expect(secret).toMatch(/^whsec_/);
  await dialog.getByRole('button', { name: 'I have copied it' }).click();
  await expect(page.getByText(secret)).toHaveCount(0);
  await page.getByRole('button', { name: `Test: ${address}` }).click();
  await expect(page.getByRole('listitem').filter({ hasText: 'jobs_queues' }).getByText('delivered')).toBeVisible({ timeout: 20_000 });
  const { headers, body } = told[0];
  const signed = createHmac('sha256', Buffer.from(secret.slice('whsec_'.length), 'base64')).update(`${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`).digest('base64');
  expect(headers['webhook-signature']).toContain(signed);

  await page.getByRole('button', { name: `Change the receiver: ${address}` }).click();
  const change = page.getByRole('dialog', { name: 'Change the receiver' });
  await expect(change.getByRole('checkbox', { name: 'done' })).toBeChecked();
  await change.getByRole('checkbox', { name: 'done' }).uncheck();
  await change.getByRole('checkbox', { name: 'failed for good' }).check();
  await change.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('dialog', { name: 'Your answer is needed' }).getByRole('button', { name: 'Allow once' }).click();
  const row = page.getByRole('listitem').filter({ hasText: address }).first();
  await expect(row.getByText('failed for good')).toBeVisible();
  await expect(row.getByRole('button', { name: /^Test/ }), 'it would not hear of a job that goes well').toHaveCount(0);
});

test('an address that may not be reached is refused, and said', async ({ console, page }) => {
  await console.open('jobs?view=webhooks');
  await page.getByRole('button', { name: 'New receiver' }).click();
  const dialog = page.getByRole('dialog', { name: 'New receiver' });
  await dialog.getByRole('textbox', { name: /^Address/ }).fill('http://10.0.0.1/');
  await dialog.getByRole('button', { name: 'Make it' }).click();
  await page.getByRole('dialog', { name: 'Your answer is needed' }).getByRole('button', { name: 'Allow once' }).click();
  await expect(page.getByText(/10\.0\.0\.1 is in a private network/)).toBeVisible();
});
