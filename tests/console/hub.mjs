/** A hub of its own for a story: a home, a state folder, a free port, and the commands of its owner. */

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
/** The program under test. */
const PROGRAM = process.env.DRAWBRIDGE_TEST_BIN ?? missing('DRAWBRIDGE_TEST_BIN names the program under test');
const STARTS_MS_MAX = 30_000;
/** A state in which much has happened already, for stories about that. */
const STATE = process.env.DRAWBRIDGE_TEST_STATE;

function missing(why) {
  throw new Error(`${why}: run \`cargo xtask test\``);
}

export class Hub {
  /** Starts a hub; `config` is what stands in its config.toml. */
  static async start(config = '') {
    const hub = new Hub();
    hub.home = mkdtempSync(join(tmpdir(), 'drawbridge-console-'));
    hub.state = join(hub.home, 'state');
    mkdirSync(join(hub.home, 'Drawbridge'));
    mkdirSync(hub.state, { mode: 0o700 });
    if (STATE) cpSync(STATE, hub.state, { recursive: true });
    mkdirSync(join(hub.state, 'run'), { mode: 0o700, recursive: true });
    writeFileSync(join(hub.state, 'config.toml'), config);
    await hub.serve('127.0.0.1:0');
    return hub;
  }

  /** Serves at an address; port 0 is any free one. */
  async serve(listen) {
    this.process = spawn(PROGRAM, ['serve', '--listen', listen], { env: this.environment(), stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    const found = new Promise((resolve, reject) => {
      const hear = (piece) => {
        said += piece;
        const address = /http:\/\/(127\.0\.0\.1:\d+)/.exec(said)?.[1];
        if (address) resolve(address);
      };
      this.process.stdout.on('data', hear);
      this.process.stderr.on('data', hear);
      this.process.on('exit', () => reject(new Error(`the hub ended: ${said}`)));
      setTimeout(() => reject(new Error(`the hub does not start: ${said}`)), STARTS_MS_MAX).unref();
    });
    this.listen = await found;
    this.address = `http://${this.listen}`;
  }

  environment() {
    return { PATH: process.env.PATH, HOME: this.home, DRAWBRIDGE_HOME: this.state, TZ: 'UTC', XDG_RUNTIME_DIR: this.home };
  }

  /** A command of the owner; returns what it prints. */
  async command(...words) {
    const { stdout } = await run(PROGRAM, words, { env: this.environment() });
    return stdout;
  }

  /** A one-time link into the console. */
  async link() {
    const text = await this.command('console', '--no-open');
    return /http:\S+/.exec(text)?.[0] ?? missing(`no link in ${text}`);
  }

  /** A key's secret. */
  async key(name, ...options) {
    const made = JSON.parse(await this.command('--json', 'keys', 'add', name, ...options));
    return made.secret ?? made.key;
  }

  /** Calls a tool over REST, with a key; returns status and body. */
  async call(key, tool, args = {}) {
    const headers = { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' };
    const response = await fetch(`${this.address}/api/tools/${tool}`, { method: 'POST', headers, body: JSON.stringify(args) });
    return { status: response.status, body: await response.json() };
  }

  /** A request of REST, with a key. */
  async ask(key, method, path, body) {
    const headers = { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' };
    const response = await fetch(this.address + path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
    return { status: response.status, body: await response.json() };
  }

  /** Ends the hub, and leaves everything on disk. */
  async stop() {
    if (!this.process || this.process.exitCode !== null) return;
    const ended = once(this.process, 'exit');
    this.process.kill('SIGTERM');
    const hard = setTimeout(() => this.process.kill('SIGKILL'), 8000);
    await ended;
    clearTimeout(hard);
  }

  /** Ends it and removes all of it. */
  async remove() {
    await this.stop();
    rmSync(this.home, { recursive: true, force: true });
  }
}
