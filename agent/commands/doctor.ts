import { doctorSchema } from '../../analysis/schema/doctor.ts'
import { ConfigError } from '../../analysis/schema/study.ts'
import { useColour } from '../colour.ts'
import { examine } from '../doctor/examine.ts'
import { doctorScreen } from '../doctor/screen.ts'
import type { ExitCode } from './run-options.ts'

const BURST_OPTIONS: readonly string[] = [
  'full',
  'device',
  'repeat',
  'lengths',
  'load',
  'kernel',
  'out',
]

/** @throws ConfigError naming the first option that does nothing without --bursts */
export function refuseBurstOptions(given: readonly string[]): void {
  const idle = given.find((name) => BURST_OPTIONS.includes(name))
  if (idle !== undefined)
    throw new ConfigError([
      { path: `--${idle}`, message: 'is for bursts; write llem-agent doctor --bursts' },
    ])
}

/** `llem-agent doctor`: what can be measured here, how well, and what would mend the rest. */
export async function doctorCommand(options: { readonly json: boolean }): Promise<ExitCode> {
  const report = doctorSchema.parse(await examine(process.env))
  const text = options.json
    ? JSON.stringify(report, null, 2)
    : doctorScreen(report, useColour(process.stdout))
  process.stdout.write(`${text}\n`)
  return report.verdict.trusted ? 0 : 3
}
