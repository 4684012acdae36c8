import { defineConfig } from '@playwright/test';

/** One browser at a time, Debian's own; pictures stay in the target folder. */
export default defineConfig({
  testDir: '.',
  testMatch: 'stories/*.spec.mjs',
  workers: 1,
  timeout: 60_000,
  expect: { timeout: 10_000 },
  forbidOnly: true,
  reporter: [['list']],
  outputDir: process.env.DRAWBRIDGE_TEST_PICTURES ? `${process.env.DRAWBRIDGE_TEST_PICTURES}/run` : 'pictures/run',
  use: {
    viewport: { width: 1440, height: 900 },
    locale: 'en-GB',
    timezoneId: 'UTC',
    screenshot: 'only-on-failure',
    launchOptions: { executablePath: process.env.DRAWBRIDGE_TEST_CHROMIUM ?? '/usr/bin/chromium', chromiumSandbox: false },
  },
});
