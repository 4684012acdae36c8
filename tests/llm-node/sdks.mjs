// OpenAI's and Anthropic's own clients in JavaScript, pointed at Drawbridge.
//
//     sdks.mjs KIT ADDRESS KEY LIMITED
//
// KEY may ask as much as it likes; LIMITED has used up its day. Ends with an assertion that failed, or says `all well`.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { join } from "node:path";

const [kit, address, key, limited] = process.argv.slice(2);
const load = createRequire(join(kit, "package.json"));
const OpenAI = load("openai").OpenAI;
const Anthropic = load("@anthropic-ai/sdk").Anthropic;

const parameters = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const says = (content) => [{ role: "user", content }];
const openai = (apiKey) => new OpenAI({ baseURL: `${address}/v1`, apiKey, maxRetries: 0, timeout: 30_000 });
const anthropic = (apiKey) => new Anthropic({ baseURL: address, apiKey, maxRetries: 0, timeout: 30_000 });

async function all(stream) {
  const items = [];
  for await (const item of stream) items.push(item);
  return items;
}

async function chat(client) {
  const model = "model/tiny";
  const answer = await client.chat.completions.create({ model, messages: says("hello") });
  assert.equal(answer.choices[0].message.content, "Hello, wörld.");
  assert.equal(answer.usage.total_tokens, 15);
  const chunks = await all(await client.chat.completions.create({ model, messages: says("hello"), stream: true }));
  const said = chunks.map((chunk) => chunk.choices[0]?.delta?.content).filter(Boolean);
  assert.deepEqual(said, ["Hello, ", "wörld."]);
  const tools = [{ type: "function", function: { name: "weather", parameters } }];
  const runner = client.chat.completions.stream({ model, messages: says("weather"), tools });
  const whole = await runner.finalChatCompletion();
  const [call] = whole.choices[0].message.tool_calls;
  assert.deepEqual([call.function.name, call.function.arguments], ["weather", '{"city": "Oslo"}']);
  const result = { role: "tool", tool_call_id: call.id, content: "rain" };
  const messages = [...says("weather"), whole.choices[0].message, result];
  const told = await client.chat.completions.create({ model, messages, tools });
  assert.equal(told.choices[0].message.content, "It says: rain");
}

async function others(client) {
  const model = "model/tiny";
  const ids = (await all(client.models.list())).map((one) => one.id);
  assert.ok(ids.includes(model), ids.join());
  // The client asks for Base64 by itself, and reads it.
  const vectors = await client.embeddings.create({ model, input: ["one", "two"] });
  assert.deepEqual(vectors.data.map((one) => Array.from(one.embedding)), [[0.5, -1, 0.25], [0.5, -1, 0.25]]);
  const answer = await client.responses.create({ model, input: "hello" });
  assert.equal(answer.output_text, "Hello, wörld.");
  const events = await all(await client.responses.create({ model, input: "hello", stream: true }));
  const deltas = events.filter((event) => event.type === "response.output_text.delta").map((event) => event.delta);
  assert.deepEqual(deltas, ["Hello, ", "wörld."]);
  assert.equal(events.at(-1).type, "response.completed");
}

async function failures() {
  const ask = { model: "model/tiny", messages: says("hello") };
  await assert.rejects(openai("nobody").chat.completions.create(ask), OpenAI.AuthenticationError);
  await assert.rejects(openai(limited).chat.completions.create(ask), OpenAI.RateLimitError);
  const broken = await openai(key).chat.completions.create({ ...ask, messages: says("broken"), stream: true });
  await assert.rejects(all(broken), OpenAI.APIError);
}

async function messages(client) {
  const ask = { model: "model/tiny", max_tokens: 50 };
  const answer = await client.messages.create({ ...ask, messages: says("hello") });
  assert.equal(answer.content[0].text, "Hello, wörld.");
  assert.deepEqual([answer.usage.input_tokens, answer.usage.output_tokens], [10, 5]);
  const stream = client.messages.stream({ ...ask, messages: says("hello") });
  assert.equal(await stream.finalText(), "Hello, wörld.");
  const tools = [{ name: "weather", input_schema: parameters }];
  const called = await client.messages.stream({ ...ask, messages: says("weather"), tools }).finalMessage();
  const call = called.content.find((block) => block.type === "tool_use");
  assert.deepEqual([call.name, call.input, called.stop_reason], ["weather", { city: "Oslo" }, "tool_use"]);
  const result = { type: "tool_result", tool_use_id: call.id, content: "rain" };
  const turn = [{ role: "assistant", content: called.content }, { role: "user", content: [result] }];
  const told = await client.messages.create({ ...ask, messages: [...says("weather"), ...turn], tools });
  assert.equal(told.content[0].text, "It says: rain");
}

async function messagesFailures() {
  const ask = { model: "model/tiny", max_tokens: 50, messages: says("hello") };
  await assert.rejects(anthropic("nobody").messages.create(ask), Anthropic.AuthenticationError);
  await assert.rejects(anthropic(limited).messages.create(ask), Anthropic.RateLimitError);
  const broken = anthropic(key).messages.stream({ ...ask, messages: says("broken") });
  await assert.rejects(broken.finalText(), Anthropic.APIError);
}

await chat(openai(key));
await others(openai(key));
await failures();
await messages(anthropic(key));
await messagesFailures();
console.log("all well");
