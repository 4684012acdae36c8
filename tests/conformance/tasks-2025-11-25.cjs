// Drives the TypeScript SDK's client through the tasks of MCP 2025-11-25, and prints what it saw as one line of JSON.
// Arguments: the folder with the installed suite, whose dependency the SDK is, and the address of a server.
const { createRequire } = require("node:module");
const [kit, url] = process.argv.slice(2);
const sdk = createRequire(`${kit}/node_modules/@modelcontextprotocol/conformance/package.json`);
const { Client } = sdk("@modelcontextprotocol/sdk/client/index.js");
const { StreamableHTTPClientTransport } = sdk("@modelcontextprotocol/sdk/client/streamableHttp.js");
const { CallToolResultSchema, ElicitRequestSchema } = sdk("@modelcontextprotocol/sdk/types.js");

const seen = [];

/** Calls a tool as a task, and notes each kind of message once. */
async function stream(client, name, args) {
  const messages = [];
  const note = (text) => messages.includes(text) || messages.push(text);
  seen.push(note);
  const params = { name, arguments: args };
  for await (const message of client.experimental.tasks.callToolStream(params, CallToolResultSchema, { task: {} })) {
    if (message.type === "error") throw message.error;
    note(message.type === "result" ? `result: ${message.result.content[0].text}` : message.type);
  }
  seen.pop();
  return messages;
}

async function main() {
  const client = new Client({ name: "typescript-sdk", version: "1" }, { capabilities: { elicitation: {} } });
  client.setRequestHandler(ElicitRequestSchema, async (request) => {
    seen.at(-1)(`asked: ${request.params.message}`);
    return { action: "accept", content: { confirm: "yes" } };
  });
  await client.connect(new StreamableHTTPClientTransport(new URL(url)));
  await client.listTools();
  const slow = await stream(client, "slow_compute", { seconds: 1, label: "sdk" });
  const asks = await stream(client, "confirm_delete", { filename: "a" });
  const long = client.experimental.tasks.callToolStream(
    { name: "slow_compute", arguments: { seconds: 60, label: "x" } }, CallToolResultSchema, { task: {} });
  const { value } = await long.next();
  const cancelled = await client.experimental.tasks.cancelTask(value.task.taskId);
  const { tasks } = await client.experimental.tasks.listTasks();
  console.log(JSON.stringify({ slow, asks, listed: tasks.length, cancelled: cancelled.status }));
  await client.close();
  process.exit(0);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
