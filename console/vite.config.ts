import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync } from 'node:zlib';

import { svelte } from '@sveltejs/vite-plugin-svelte';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';

/** The hub that `npm run dev` talks to. */
const HUB = process.env.DRAWBRIDGE_HUB ?? 'http://127.0.0.1:4747';

/** The hub refuses pages of other origins, so the development server speaks under the hub's own name. */
const toHub = { target: HUB, changeOrigin: true, ws: true, headers: { origin: HUB } };

/** Writes a compressed copy beside each file that gets smaller by it; the hub serves that to browsers that take it. */
function compressed(): Plugin {
  let folder = 'dist';
  return {
    name: 'compressed',
    apply: 'build',
    configResolved: (config) => {
      folder = config.build.outDir;
    },
    closeBundle: () => {
      for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
        if (!entry.isFile() || !/\.(js|css|html|svg)$/.test(entry.name)) continue;
        const file = join(entry.parentPath, entry.name);
        writeFileSync(`${file}.br`, brotliCompressSync(readFileSync(file)));
      }
    },
  };
}

export default defineConfig({
  base: '/console/',
  plugins: [svelte(), compressed()],
  build: {
    target: 'es2023',
    // Without it nothing is inlined into a page or a style, which the content security policy forbids.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    chunkSizeWarningLimit: 1000,
  },
  server: { host: '127.0.0.1', proxy: { '/api': toHub, '/v1': toHub, '/mcp': toHub } },
  test: { include: ['src/**/*.test.ts'] },
});
