import { describe, expect, it } from 'vitest'
import { isDoubtful, runValidity, validityText } from '../../../analysis/findings/run-validity.ts'
import type { Finding, FindingCode, Severity } from '../../../analysis/schema/finding.ts'
import { runValiditySchema } from '../../../analysis/schema/run-validity.ts'

const finding = (code: FindingCode, severity: Severity): Finding => ({
  ...{ code, severity, message: 'words', evidence: {} },
})
const of = (
  findings: Finding[],
  outcome: 'completed' | 'failed' | 'interrupted' | null,
  reason: string | null = null,
) =>
  runValidity(
    { run_id: 'r', valid: !findings.some((f) => f.severity === 'invalid'), findings },
    { outcome, reason },
  )

describe('the validity of a run', () => {
  it('holds the codes of invalid findings and cautions, each once, and how the run ended', () => {
    const validity = of(
      [
        finding('thermal_throttle', 'invalid'),
        finding('thermal_throttle', 'invalid'),
        finding('short_measurement', 'caution'),
        finding('remote_engine', 'info'),
      ],
      'completed',
    )
    expect(runValiditySchema.parse(validity)).toEqual({
      run_id: 'r',
      valid: false,
      outcome: 'completed',
      reason: null,
      invalid: ['thermal_throttle'],
      cautions: ['short_measurement'],
    })
  })

  it('is one sentence, or nothing where there is nothing to say', () => {
    expect(validityText(of([], 'completed'))).toBeNull()
    expect(validityText(of([finding('short_measurement', 'caution')], 'completed'))).toBe(
      'Run r has a caution (short_measurement).',
    )
    expect(
      validityText(of([finding('run_failed', 'invalid')], 'failed', 'The engine ended.')),
    ).toBe(
      'Run r failed (The engine ended) and is invalid (run_failed); it is never ranked, and llem-server show explains why.',
    )
    expect(
      validityText(
        of(
          [
            finding('thermal_throttle', 'invalid'),
            finding('run_interrupted', 'caution'),
            finding('short_measurement', 'caution'),
          ],
          'interrupted',
        ),
      ),
    ).toBe(
      'Run r was interrupted, is invalid (thermal_throttle) and has cautions (run_interrupted, short_measurement); it is never ranked, and llem-server show explains why.',
    )
    expect(validityText(of([], null))).toBe('Run r is not finished.')
  })

  it('is doubtful where it is invalid or the run did not complete, not for a caution', () => {
    expect(isDoubtful(of([finding('short_measurement', 'caution')], 'completed'))).toBe(false)
    expect(isDoubtful(of([finding('no_window', 'invalid')], 'completed'))).toBe(true)
    for (const outcome of ['failed', 'interrupted', null] as const)
      expect(isDoubtful(of([], outcome))).toBe(true)
  })
})
