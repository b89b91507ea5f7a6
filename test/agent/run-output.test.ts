import { describe, expect, it } from 'vitest'
import { lastRef } from '../../agent/commands/run-output.ts'
import type { Finding } from '../../analysis/schema/finding.ts'
import { summaryOf } from '../analysis/summary-of.ts'

const failed: Finding = {
  ...{ code: 'run_failed', severity: 'invalid', message: 'The run failed.', evidence: {} },
}

describe('the run that is suggested to be shown after a command', () => {
  it('is last, or a run by its id where that would be skipped because it failed', () => {
    const good = summaryOf('good', {})
    const bad = summaryOf('bad', {}, { findings: [failed] })
    expect(lastRef([bad, good])).toBe('last')
    expect(lastRef([good, bad])).toBe('bad')
    expect(lastRef([])).toBe('last')
  })
})
