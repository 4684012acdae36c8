import { createServer } from 'node:http';
import { test, expect } from '../browser.mjs';

/** A model of no wit, behind the API that most speak: it wants one tool, then tells what that said. */
const server = createServer((request, response) => {
  let body = '';
  request.on('data', (piece) => (body += piece));
  request.on('end', () => (request.url.endsWith('/models') ? models(response) : answer(response, JSON.parse(body))));
});
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
server.unref();

test.use({ config: `[llm]\ndiscover = false\n[llm.provider.double]\nkind = 'compatible'\naddress = 'http://127.0.0.1:${server.address().port}'\n` });

function models(response) {
  response.setHeader('Content-Type', 'application/json');
  response.end(JSON.stringify({ object: 'list', data: [{ id: 'parrot', object: 'model' }] }));
}

function answer(response, { messages, tools, stream }) {
  const told = messages.findLast((message) => message.role === 'tool');
  const wants = tools?.length && !told;
  const call = { index: 0, id: 'call-1', type: 'function', function: { name: 'files_roots', arguments: '{}' } };
  const parts = wants ? [{ tool_calls: [call] }] : ['You ', 'said: ', told ? `the root is ${JSON.parse(told.content).roots[0].name}` : messages.at(-1).content].map((content) => ({ content }));
  const reason = wants ? 'tool_calls' : 'stop';
  const usage = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 };
  if (!stream) {
    response.setHeader('Content-Type', 'application/json');
    return response.end(JSON.stringify({ id: 'x', object: 'chat.completion', created: 1, model: 'parrot', choices: [{ index: 0, message: { role: 'assistant', content: parts.map((part) => part.content).join('') }, finish_reason: reason }], usage }));
  }
  response.setHeader('Content-Type', 'text/event-stream');
  const chunk = (delta, finish_reason = null) => response.write(`data: ${JSON.stringify({ id: 'x', object: 'chat.completion.chunk', created: 1, model: 'parrot', choices: [{ index: 0, delta, finish_reason }] })}\n\n`);
  for (const part of parts) chunk(part);
  chunk({}, reason);
  response.write(`data: ${JSON.stringify({ id: 'x', object: 'chat.completion.chunk', created: 1, model: 'parrot', choices: [], usage })}\n\n`);
  response.end('data: [DONE]\n\n');
}

test('a conversation streams, calls a tool that was chosen, and is kept', async ({ console, page }) => {
  await console.open('chat');
  await expect(page.getByLabel('Model')).toHaveValue(/parrot/);
  const say = page.getByRole('textbox', { name: 'Say something' });
  await say.fill('hello <b>there</b>');
  await page.keyboard.press('Enter');
  await expect(page.getByText('You said: hello <b>there</b>')).toBeVisible();
  await page.getByRole('button', { name: 'No tools' }).click();
  await page.getByRole('checkbox', { name: 'files_roots' }).check();
  await page.getByRole('button', { name: '1 tool' }).click();
  await say.fill('where are my files?');
  await page.keyboard.press('Enter');
  await expect(page.getByText('You said: the root is Drawbridge')).toBeVisible();
  await page.getByText('files_roots', { exact: true }).click();
  await expect(page.getByText('"roots"').first()).toBeVisible();
  await page.reload();
  await expect(page.getByText('You said: the root is Drawbridge'), 'it is kept').toBeVisible();
  await expect(page.getByRole('link', { name: /hello/ })).toBeVisible();
});
