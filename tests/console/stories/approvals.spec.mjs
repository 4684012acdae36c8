import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { test, expect } from '../browser.mjs';

test.use({ config: "[[rules]]\ntools = ['files_delete', 'files_edit']\nthen = 'ask'\n" });

/** A real MCP client, as an AI application has one. */
async function host(hub, name) {
  const key = await hub.key(name);
  const client = new Client({ name, version: '1' });
  await client.connect(new StreamableHTTPClientTransport(new URL(`${hub.address}/mcp`), { requestInit: { headers: { Authorization: `Bearer ${key}` } } }));
  return { key, client };
}

/** Calls until it is let through, as a patient host does. */
async function patiently(client, name, args) {
  for (let attempt = 0; attempt < 600; attempt += 1) {
    const answer = await client.callTool({ name, arguments: args }).catch((error) => ({ isError: true, content: [{ type: 'text', text: error.message }] }));
    if (!answer.isError) return answer;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error('nobody allowed it');
}

test('an MCP client waits, the owner allows once, and the call goes through', async ({ console, page, hub }) => {
  const { key, client } = await host(hub, 'waiting');
  await hub.call(key, 'files_write', { path: 'Drawbridge/plan.md', content: 'sail on monday\n' });
  const edited = patiently(client, 'files_edit', { path: 'Drawbridge/plan.md', edits: [{ old_text: 'monday', new_text: 'tuesday' }] });
  const card = page.getByRole('article', { name: /waiting wants to run files_edit/ });
  await expect(card, 'it appears by itself, first of all').toBeVisible();
  await expect(card.getByText('-monday')).toBeVisible();
  await expect(card.getByText('+tuesday')).toBeVisible();
  await expect(page).toHaveTitle(/^\(1\)/);
  await card.getByRole('button', { name: 'Allow once' }).click();
  expect((await edited).isError ?? false).toBe(false);
  await expect(card).toBeHidden();
  expect((await hub.call(key, 'files_read', { path: 'Drawbridge/plan.md' })).body.content[0].text).toBe('sail on tuesday\n');
  await client.close();
  expect(console).toBeTruthy();
});

test('a card shows the calls above the one that asks', async ({ console, page, hub }) => {
  const key = await hub.key('chained');
  await hub.call(key, 'jobs_submit', { tool: 'files_delete', arguments: { path: 'Drawbridge/none.md' } });
  const card = page.getByRole('article', { name: /chained wants to run files_delete/ });
  await expect(card.getByText('Called from')).toBeVisible();
  await card.getByRole('link', { name: 'jobs_submit' }).click();
  await expect(page, 'a link of the chain leads to the call').toHaveURL(/\/console\/audit\/./);
  await console.open('approvals');
  await card.getByRole('button', { name: 'Deny' }).click();
  await expect(card).toBeHidden();
});

test('deny is a no, and always makes a rule', async ({ console, page, hub }) => {
  const { key, client } = await host(hub, 'denied');
  await hub.call(key, 'files_write', { path: 'Drawbridge/keep.md', content: 'keep' });
  await hub.call(key, 'files_delete', { path: 'Drawbridge/keep.md' });
  await console.open('approvals');
  const card = page.getByRole('article', { name: /denied wants to run files_delete/ });
  await card.getByRole('button', { name: 'Deny' }).click();
  await expect(card).toBeHidden();
  expect((await hub.call(key, 'files_read', { path: 'Drawbridge/keep.md' })).status).toBe(200);

  await hub.call(key, 'files_delete', { path: 'Drawbridge/gone.md' });
  await page.getByRole('article', { name: /denied wants to run files_delete/ }).getByRole('button', { name: 'Always allow' }).click();
  await expect(page.getByText(/A rule was made/)).toBeVisible();
  expect((await hub.call(key, 'files_delete', { path: 'Drawbridge/keep.md' })).status).toBe(200);
  await client.close();
});

test('a notification tells it when the console is not in front', async ({ console, page, hub, context }) => {
  await context.grantPermissions(['notifications'], { origin: hub.address });
  await page.addInitScript(() => {
    globalThis.told = [];
    globalThis.Notification = class {
      static permission = 'granted';
      constructor(title, options) {
        globalThis.told.push(`${title}: ${options.body}`);
      }
    };
    Object.defineProperty(document, 'hidden', { get: () => true });
  });
  await console.open('jobs');
  await expect(page.getByText('Live', { exact: true })).toBeVisible();
  const key = await hub.key('noticed');
  await hub.call(key, 'files_delete', { path: 'Drawbridge/x.md' });
  await expect.poll(() => page.evaluate(() => globalThis.told)).toEqual([expect.stringContaining('key:noticed asks for approval: files_delete')]);
});
