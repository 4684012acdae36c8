import { readFileSync, writeFileSync } from 'node:fs';
import { deflateSync } from 'node:zlib';
import { join } from 'node:path';
import { test, expect } from '../browser.mjs';

test.use({ config: "# Mine.\n[[rules]]\ntools = ['terminal_*']\nthen = 'allow'\n" });

test('a file is opened, edited, saved, trashed and brought back', async ({ console, page, hub }) => {
  const key = await hub.key('writer');
  await hub.call(key, 'files_write', { path: 'Drawbridge/boats.md', content: 'Ada\n' });
  await console.open('files');
  await page.getByRole('link', { name: /boats\.md/ }).click();
  const text = page.getByRole('textbox', { name: 'Contents of boats.md' });
  await text.click();
  await page.keyboard.press('Control+End');
  await page.keyboard.type('Grace');
  await expect(page.getByText('not saved')).toBeVisible();
  await page.keyboard.press('Control+s');
  await expect(page.getByText('Saved.')).toBeVisible();
  expect(readFileSync(join(hub.home, 'Drawbridge/boats.md'), 'utf8')).toBe('Ada\nGrace');
  await page.getByRole('searchbox', { name: 'Search names' }).fill('boa');
  await expect(page.getByRole('link', { name: 'Drawbridge/boats.md' })).toBeVisible();
  await page.getByRole('checkbox', { name: 'in contents' }).check();
  await page.getByRole('searchbox', { name: 'Search contents' }).fill('Grace');
  await expect(page.getByRole('link', { name: /boats\.md:2/ })).toBeVisible();
  await page.getByRole('searchbox').fill('');
  await page.getByRole('button', { name: 'Move to the trash' }).click();
  await expect(page.getByText('boats.md is in the trash.')).toBeVisible();
  await page.getByRole('link', { name: 'Trash' }).click();
  await page.getByRole('button', { name: 'Restore' }).first().click();
  await expect(page.getByText('is back.')).toBeVisible();
  expect(readFileSync(join(hub.home, 'Drawbridge/boats.md'), 'utf8')).toBe('Ada\nGrace');
});

test('a file is uploaded and downloaded as it is', async ({ console, page, hub }) => {
  const bytes = Buffer.from([0, 1, 2, 253, 254, 255]);
  await console.open('files?path=Drawbridge');
  await page.locator('input[type=file]').setInputFiles({ name: 'bytes.bin', mimeType: 'application/octet-stream', buffer: bytes });
  await expect(page.getByText('bytes.bin was uploaded.')).toBeVisible();
  expect(readFileSync(join(hub.home, 'Drawbridge/bytes.bin'))).toEqual(bytes);
  await page.getByRole('link', { name: /bytes\.bin/ }).click();
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Download' }).click()]);
  expect(readFileSync(await download.path())).toEqual(bytes);
});

test('a text of any size is gone through in parts, and downloaded whole', async ({ console, page, hub }) => {
  const lines = Array.from({ length: 200_000 }, (_, place) => `line ${place} of the log`).join('\n');
  writeFileSync(join(hub.home, 'Drawbridge/long.log'), lines);
  await console.open('files?path=Drawbridge&file=Drawbridge%2Flong.log');
  const text = page.getByRole('textbox', { name: 'Contents of long.log' });
  const parts = page.getByRole('navigation', { name: 'Parts of the file' });
  await expect(parts.getByText(`Bytes 0 to`)).toBeVisible();
  await expect(text).toContainText('line 0 of the log');
  await parts.getByRole('button', { name: 'Next part' }).click();
  await expect(parts.getByText('Bytes 0 to')).toBeHidden();
  await expect(text).not.toContainText('line 0 of the log');
  await parts.getByRole('button', { name: 'End of the file' }).click();
  await expect(text).toContainText('line 198000 of the log');
  await text.click();
  await page.keyboard.press('Control+End');
  await expect(text).toContainText('line 199999 of the log');
  await parts.getByRole('button', { name: 'Part before' }).click();
  await parts.getByRole('button', { name: 'First part' }).click();
  await expect(text).toContainText('line 0 of the log');
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Download' }).click()]);
  expect(readFileSync(await download.path(), 'utf8')).toBe(lines);
});

test('a picture too large for one answer is shown when it is asked for', async ({ console, page, hub }) => {
  writeFileSync(join(hub.home, 'Drawbridge/large.png'), picture(2000, 1500));
  await console.open('files?path=Drawbridge&file=Drawbridge%2Flarge.png');
  await page.getByRole('button', { name: /^Show all/ }).click();
  const image = page.getByRole('img', { name: 'large.png' });
  await expect(image).toBeVisible({ timeout: 20_000 });
  await expect.poll(() => image.evaluate((one) => one.naturalWidth)).toBe(2000);
});

/** A PNG of so many pixels, stored as it is: nothing makes it small. */
function picture(width, height) {
  const rows = Buffer.alloc((width * 3 + 1) * height, 0x7f);
  for (let row = 0; row < height; row += 1) rows[row * (width * 3 + 1)] = 0;
  const sums = Array.from({ length: 256 }, (_, byte) => {
    let sum = byte;
    for (let bit = 0; bit < 8; bit += 1) sum = sum & 1 ? (sum >>> 1) ^ 0xedb88320 : sum >>> 1;
    return sum >>> 0;
  });
  const checked = (bytes) => (bytes.reduce((sum, byte) => sums[(sum ^ byte) & 255] ^ (sum >>> 8), 0xffffffff) ^ 0xffffffff) >>> 0;
  const chunk = (name, data) => {
    const [length, check, body] = [Buffer.alloc(4), Buffer.alloc(4), Buffer.concat([Buffer.from(name), data])];
    length.writeUInt32BE(data.length);
    check.writeUInt32BE(checked(body));
    return Buffer.concat([length, body, check]);
  };
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 2, 0, 0, 0], 8);
  const parts = [chunk('IHDR', head), chunk('IDAT', deflateSync(rows, { level: 0 })), chunk('IEND', Buffer.alloc(0))];
  return Buffer.concat([Buffer.from([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10]), ...parts]);
}

test('what an AI types is watched, taken over, and paused', async ({ console, page, hub }) => {
  const key = await hub.key('typist');
  const opened = await hub.call(key, 'terminal_open', { name: 'build', shell: 'bash' });
  const { session } = opened.body.structured;
  await console.open('terminals');
  await page.getByRole('link', { name: /build/ }).click();
  const screen = page.getByRole('region', { name: 'Terminal build' });
  await expect(screen.getByText('You watch')).toBeVisible();
  await hub.call(key, 'terminal_write', { session, text: 'echo typed-by-$((40+2))', enter: true });
  await expect(screen.locator('.xterm-rows')).toContainText('typed-by-42');
  await screen.getByRole('button', { name: 'Take over' }).click();
  await expect(screen.getByRole('button', { name: 'Only watch' })).toBeVisible();
  await expect(screen.getByText('connecting')).toBeHidden();
  await page.keyboard.type('echo taken-$((6*7))\n');
  await expect(screen.locator('.xterm-rows')).toContainText('taken-42');
  await screen.getByRole('button', { name: 'Pause programs' }).click();
  await expect(screen.getByText('typing paused')).toBeVisible();
  const refused = await hub.call(key, 'terminal_write', { session, text: 'echo no', enter: true });
  expect(refused.status === 200 ? refused.body.is_error : true).toBe(true);
  await screen.getByRole('button', { name: 'Let programs type' }).click();
  await expect.poll(async () => (await hub.call(key, 'terminal_write', { session, text: 'echo yes', enter: true })).body.is_error ?? true).toBe(false);
  await page.getByRole('button', { name: 'Close build' }).click();
  await expect(page.getByText('No terminals')).toBeVisible();
});

test('a dead job says why, gets other arguments, and is replayed', async ({ console, page, hub }) => {
  const key = await hub.key('worker');
  await hub.ask(key, 'POST', '/api/jobs', { tool: 'files_read', arguments: { path: 'Drawbridge/missing.md' } });
  await hub.call(key, 'files_write', { path: 'Drawbridge/there.md', content: 'found it' });
  await console.open('jobs?state=failed');
  await page.getByRole('link', { name: /files_read/ }).first().click();
  await expect(page.getByText('Why it failed')).toBeVisible();
  await expect(page.getByText(/nothing at Drawbridge\/missing\.md/).first()).toBeVisible();
  await page.getByRole('button', { name: 'Change its arguments' }).click();
  await page.getByRole('textbox', { name: 'Arguments' }).click();
  await page.keyboard.press('Control+A');
  await page.keyboard.insertText('{"path": "Drawbridge/there.md"}');
  await page.getByRole('button', { name: 'Save and try again' }).click();
  await expect(page.getByText('found it')).toBeVisible();
  await expect(page.getByText('completed', { exact: true }).first()).toBeVisible();
});

test('queues, schedules and webhooks are steered', async ({ console, page, hub }) => {
  const key = await hub.key('planner');
  await hub.ask(key, 'POST', '/api/jobs', { tool: 'files_list', arguments: {} });
  await hub.call(key, 'schedules_add', { name: 'nightly', tool: 'files_list', when: { cron: '30 3 * * *' } });
  await console.open('jobs?view=schedules');
  await expect(page.getByText('nightly')).toBeVisible();
  await page.getByRole('button', { name: 'Pause: nightly' }).click();
  await expect(page.getByText('paused', { exact: true })).toBeVisible();
  await page.getByRole('link', { name: 'Queues' }).click();
  await page.getByRole('button', { name: 'Pause' }).first().click();
  await expect(page.getByText('paused', { exact: true })).toBeVisible();
  await page.getByRole('button', { name: 'Go on' }).first().click();
  await expect(page.getByText('paused', { exact: true })).toBeHidden();
  await page.getByRole('link', { name: 'Webhooks' }).click();
  await expect(page.getByText('Nobody is told')).toBeVisible();
});
