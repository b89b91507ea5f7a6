import type { Reporter, TestModule } from 'vitest/node'

/** Ends the run with one line for machines: N passed, N failed. A file that can't be loaded is a failure. */
export default class CountReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly unknown[]): void {
    let passed = 0
    let failed = unhandled.length
    for (const module of modules) {
      passed += [...module.children.allTests('passed')].length
      failed += [...module.children.allTests('failed')].length
      failed += module.errors().length
    }
    console.log(`${passed} passed, ${failed} failed`)
  }
}
