/** Holds the weight of the first load, compressed as the hub serves it: what index.html names, and all that this needs. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync } from 'node:zlib';

const DIST = new URL('./dist/', import.meta.url).pathname;
/** Issue and design: below 120 kB. */
const INITIAL_BYTES_MAX = 120_000;
/** No piece that comes later is larger than this. */
const PIECE_BYTES_MAX = 200_000;

const read = (file) => readFileSync(join(DIST, file));
const weigh = (file) => brotliCompressSync(read(file)).length;
const own = (address) => address.replace('/console/', '');

/** Files that a module imports before it runs; what it imports when opened is not among them. */
function needs(file, found = new Set()) {
  if (found.has(file)) return found;
  found.add(file);
  const text = read(file).toString();
  for (const [, name] of text.matchAll(/(?:from|import)\s*["']\.\/([\w.-]+\.js)["']/g)) needs(`assets/${name}`, found);
  return found;
}

const page = read('index.html').toString();
if (/<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=/.test(page)) throw new Error('index.html has code or style in it, which the content security policy forbids');
const named = [...page.matchAll(/(?:src|href)="(\/console\/[^"]+)"/g)].map(([, address]) => own(address));
const initial = new Set(['index.html', ...named.flatMap((file) => (file.endsWith('.js') ? [...needs(file)] : [file]))]);
let sum = 0;
for (const file of initial) {
  const bytes = weigh(file);
  sum += bytes;
  console.log(`${String(bytes).padStart(8)}  ${file}`);
}
console.log(`${String(sum).padStart(8)}  the first load, of ${INITIAL_BYTES_MAX} bytes`);
if (sum >= INITIAL_BYTES_MAX) throw new Error(`the first load is ${sum} bytes; it must stay below ${INITIAL_BYTES_MAX}`);

const { readdirSync } = await import('node:fs');
for (const name of readdirSync(join(DIST, 'assets')).filter((file) => file.endsWith('.js'))) {
  const bytes = weigh(`assets/${name}`);
  if (bytes > PIECE_BYTES_MAX) throw new Error(`${name} is ${bytes} bytes; a piece stays below ${PIECE_BYTES_MAX}`);
}
