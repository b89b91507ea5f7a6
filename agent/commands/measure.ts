import { v7 as uuidv7 } from 'uuid'
import { type Measurement, measurementSchema } from '../../analysis/schema/measurement.ts'
import { ConfigError, parseWith, setPath } from '../../analysis/schema/study.ts'
import { readSetting } from '../config-file.ts'
import { measureProgram } from '../measure.ts'
import { nameOfCommand } from '../measure-name.ts'
import { requireProgram } from '../measured-program.ts'
import { passSignals, sharesTerminal } from '../pass-signals.ts'
import { createPlainReporter } from '../plain-reporter.ts'
import { stateDir } from '../state-dir.ts'
import { openWindowServer } from '../windows/window-server.ts'
import { openServer, recordRun, type Session } from './record-run.ts'
import type { ExitCode, RecordOptions } from './run-options.ts'
import { concludeRuns } from './run-output.ts'
import { prepareOut } from './run-results.ts'

export interface MeasureOptions extends RecordOptions {
  readonly command: readonly string[]
  /** Where programs mark windows; null: nowhere. */
  readonly windows: string | null
  readonly baseline_s: number | null
  readonly set: readonly string[]
}

/** `llem-agent measure`: any program, recorded, shipped, summarised and shown as a run is. */
export async function measureCommand(options: MeasureOptions): Promise<ExitCode> {
  const measurement = measurementOf(options)
  const { command } = measurement
  if (command !== null) requireProgram(command[0] as string)
  await prepareOut(options, 1)
  const reporter = createPlainReporter(process.stderr)
  const windows = options.windows === null ? null : await openWindowServer(options.windows)
  const signals = passSignals(sharesTerminal(), reporter.say)
  let server: Session['server'] = null
  try {
    server = await openServer(options, reporter)
    const session: Session = {
      ...{ study_id: uuidv7(), options, reporter, server, runs: 1 },
      // Ctrl-C is how windows alone end: then it interrupts nothing.
      signal: command === null ? new AbortController().signal : signals.signal,
    }
    const finished = await recordRun(session, measurement, (parts) =>
      measureProgram({
        ...{ ...parts, measurement, windows, signals, stateDir: stateDir() },
        json: options.json,
      }),
    )
    return await concludeRuns(session, [finished])
  } finally {
    signals.dispose()
    await windows?.close()
    await server?.stop()
  }
}

/** What `--set` may change of a measured program. */
const SETTABLE: readonly string[] = ['name', 'tags', 'devices', 'sensors', 'phases']

/** @throws ConfigError naming the option, the bad value and the remedy */
export function measurementOf(
  options: Pick<MeasureOptions, 'command' | 'windows' | 'baseline_s' | 'set'>,
): Measurement {
  if (options.command.length === 0 && options.windows === null)
    throw new ConfigError([
      {
        path: 'COMMAND',
        message:
          'is missing; give the program to measure after --, as in llem-agent measure -- python train.py, or --windows PATH alone',
      },
    ])
  let config: Record<string, unknown> = {
    kind: 'measure',
    name: nameOfCommand(options.command),
    command: options.command.length === 0 ? null : [...options.command],
    ...(options.baseline_s === null ? {} : { phases: { baseline_s: options.baseline_s } }),
  }
  for (const setting of options.set) {
    const [path, value] = readSetting(setting)
    if (!SETTABLE.includes(path.split('.')[0] as string))
      throw new ConfigError([
        {
          path: `--set ${path}`,
          message: `is not for a measured program; it takes ${SETTABLE.join(', ')}, as in --set sensors.interval_ms=50`,
        },
      ])
    config = setPath(config, path, value)
  }
  return parseWith(measurementSchema, config)
}
