import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    // Nothing of a test is made in the home of whoever runs it.
    env: { LLEM_SITE_SECRET: 'the secret of the site of all tests' },
    reporters: ['default', './test/support/count-reporter.ts'],
    isolate: false, // so: no module state
    pool: 'forks',
    testTimeout: 60_000, // programs are run as users run them, beside others on shared cores
    hookTimeout: 120_000,
  },
})
