import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    reporters: ['default', './test/support/count-reporter.ts'],
    isolate: false, // so: no module state
    pool: 'forks',
    testTimeout: 30_000,
    hookTimeout: 120_000,
  },
})
