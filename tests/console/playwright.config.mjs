import { defineConfig } from '@playwright/test';

/** One browser at a time, Debian's own; pictures stay in the target folder. A freshly built console, put under the hub's name by the test, counts as coming from a public
 *  address: Chromium would not let it open WebSockets to this machine. */
export default defineConfig({
  testDir: '.',
  testMatch: 'stories/*.spec.mjs',
  workers: 1,
  // Machines can be busy.
  timeout: 180_000,
  expect: { timeout: 30_000 },
  forbidOnly: true,
  reporter: [['list']],
  outputDir: process.env.DRAWBRIDGE_TEST_PICTURES ? `${process.env.DRAWBRIDGE_TEST_PICTURES}/run` : 'pictures/run',
  use: {
    viewport: { width: 1440, height: 900 },
    locale: 'en-GB',
    timezoneId: 'UTC',
    screenshot: 'only-on-failure',
    launchOptions: { executablePath: process.env.DRAWBRIDGE_TEST_CHROMIUM ?? '/usr/bin/chromium', chromiumSandbox: false, args: process.env.DRAWBRIDGE_CONSOLE_FRESH ? ['--disable-features=LocalNetworkAccessChecks'] : [] },
  },
});
