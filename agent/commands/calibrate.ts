import { hostname } from 'node:os'
import { v7 as uuidv7 } from 'uuid'
import { type CalibrationHow, judgeRecordedCalibration } from '../../analysis/online/calibrate.ts'
import { type CalibrateReport, calibrateAnswerSchema } from '../../analysis/schema/calibrate.ts'
import type { Calibration, MeterSees } from '../../analysis/schema/calibration.ts'
import { parseJson } from '../../analysis/schema/json.ts'
import { measurementSchema } from '../../analysis/schema/measurement.ts'
import { METER_SOURCES } from '../../analysis/schema/meter.ts'
import { ConfigError, parseWith, setPath } from '../../analysis/schema/study.ts'
import { BurstError } from '../bursts/child.ts'
import { measureCalibration } from '../calibrate/measure.ts'
import type { CalibratePlan } from '../calibrate/plan.ts'
import {
  calibrationsPath,
  forgetCalibrations,
  readCalibrations,
  storeCalibrations,
} from '../calibrate/store.ts'
import { calibrateTable, storedTable } from '../calibrate/table.ts'
import { typedReadings } from '../calibrate/typed.ts'
import { useColour } from '../colour.ts'
import { loadStudy, readSetting } from '../config-file.ts'
import { Interrupted, onInterrupt } from '../interrupt.ts'
import { createReporter, type Reporter } from '../progress.ts'
import type { Spool } from '../spool.ts'
import { stateDir } from '../state-dir.ts'
import { recordRun, type Session } from './record-run.ts'
import type { ExitCode } from './run-options.ts'
import { prepareOut } from './run-results.ts'

export interface Efficiency {
  readonly value: number
  readonly u: number
}

export interface CalibrateOptions {
  readonly device: string | null
  /** null: that of the configured meters. */
  readonly meter: string | null
  readonly sees: MeterSees
  readonly steps: number
  readonly step_s: number
  readonly settle_s: number | null
  readonly load: string | null
  /** null: not stated. */
  readonly efficiency: Efficiency | null
  readonly typed_error_pct: number
  /** A configuration whose sensors.meters are used. */
  readonly config: string | null
  readonly set: readonly string[]
  readonly out: string | null
  readonly json: boolean
}

/**
 * What a supply of a server or a good desktop passes on at half load: 80 PLUS asks 0.90 (Gold, 115 V) to 0.96
 * (Titanium, 230 V). Source: docs/measuring.md, "Calibrate".
 */
const USUAL_SUPPLY: Efficiency = { value: 0.92, u: 0.02 }
const NO_SUPPLY: Efficiency = { value: 1, u: 0 }

/** `llem-agent calibrate`: gain and offset of a device's sensors against a meter, kept for runs to come. */
export async function calibrateCommand(options: CalibrateOptions): Promise<ExitCode> {
  const sensors = sensorsOf(options)
  const meter = meterOf(options, sensors.meters)
  const plan: CalibratePlan = { ...options, meter }
  const record = { server: false, db: '', out: options.out, json: options.json } as const
  await prepareOut(record, 1)
  const reporter = quiet(createReporter(process.stderr, false))
  const interrupt = onInterrupt(reporter.say, {
    first: 'Stopping: the load ends, and nothing is kept.',
    second: 'Stopped at once. Nothing was stored.',
  })
  const typed = meter === 'typed' ? typedReadings(process.stdin, reporter.say) : null
  const session: Session = {
    ...{ study_id: uuidv7(), options: record, reporter, server: null, runs: 1 },
    signal: interrupt.signal,
  }
  try {
    let report: CalibrateReport | null = null
    const { result, bundle } = await recordRun(session, { sensors }, async (parts) => {
      let device_id = ''
      const measured = await measureCalibration({
        ...{ ...parts, plan, sensors, typed, stateDir: stateDir(), random: Math.random },
        onTarget: (id) => {
          device_id = id
        },
      })
      if (measured.outcome === 'completed')
        report = await judge(measured.spool, howOf(options, meter, device_id))
      if (measured.outcome === 'completed') return measured
      // Without all of its steps it tells nothing.
      await measured.spool.remove()
      if (measured.outcome === 'interrupted')
        throw new Interrupted('Stopped before its last step; nothing was kept.')
      throw new BurstError(measured.reason ?? 'The calibration failed.')
    })
    if (report === null) throw new BurstError('The calibration told nothing.')
    return await conclude(report, bundle ?? result.spool.dir, options.json)
  } finally {
    typed?.close()
    interrupt.dispose()
  }
}

async function conclude(report: CalibrateReport, bundle: string, json: boolean): Promise<ExitCode> {
  const made = report.results.flatMap((r): Calibration[] =>
    r.calibration === null ? [] : [{ ...r.calibration, hostname: hostname() }],
  )
  if (made.length > 0) await storeCalibrations(stateDir(), made)
  const stored = made.length > 0 ? calibrationsPath(stateDir()) : null
  if (json)
    print(JSON.stringify(calibrateAnswerSchema.parse({ ...report, bundle, stored }), null, 2))
  else {
    print(calibrateTable(report, useColour(process.stdout)))
    print(
      stored === null
        ? `\nNothing was stored. Recorded as ${bundle}`
        : `\nStored in ${stored}: runs on this device under this driver are corrected by it from now on.\nTheir readings stay as they are; llem-agent calibrate --forget drops it. Recorded as ${bundle}`,
    )
  }
  return made.length > 0 ? 0 : 3
}

/** `llem-agent calibrate --show`. */
export async function showCalibrations(device: string | null, json: boolean): Promise<ExitCode> {
  const all = (await readCalibrations(stateDir())).filter(
    (c) => device === null || c.device_id.startsWith(device),
  )
  if (json)
    print(JSON.stringify({ path: calibrationsPath(stateDir()), calibrations: all }, null, 2))
  else if (all.length === 0)
    print('There is no calibration yet. llem-agent calibrate --help says how to make one.')
  else print(storedTable(all, useColour(process.stdout)))
  return 0
}

/** `llem-agent calibrate --forget`. */
export async function forgetCommand(device: string | null, json: boolean): Promise<ExitCode> {
  const gone = await forgetCalibrations(stateDir(), device)
  if (json) print(JSON.stringify({ forgotten: gone }, null, 2))
  else
    print(
      gone.length === 0
        ? 'There was no such calibration.'
        : `Forgotten: ${gone.map((c) => `${c.source} of ${c.device_id}`).join(', ')}. Recorded runs keep what they were recorded with.`,
    )
  return 0
}

/** @throws ConfigError naming the option, the bad value and the remedy */
function sensorsOf({ config, set }: CalibrateOptions) {
  let raw: Record<string, unknown> = {
    command: null,
    ...(config === null
      ? {}
      : { sensors: { ...loadStudy(config, []).study.items[0]?.experiment.sensors } }),
  }
  for (const setting of set) {
    const [path, value] = readSetting(setting)
    if (!path.startsWith('sensors.'))
      throw new ConfigError([
        {
          path: `--set ${path}`,
          message:
            'is not for a calibration; it takes sensors.…, as in --set sensors.interval_ms=50',
        },
      ])
    raw = setPath(raw, path, value)
  }
  return parseWith(measurementSchema, raw).sensors
}

const KNOWN: readonly string[] = [...METER_SOURCES, 'typed']

function meterOf(
  { meter }: CalibrateOptions,
  meters: readonly { readonly source: string }[],
): string {
  const configured = [...new Set(meters.map((m) => m.source))]
  const refuse = (message: string) => new ConfigError([{ path: '--meter', message }])
  if (meter === null) {
    const [only, ...more] = configured
    if (only !== undefined && more.length === 0) return only
    throw refuse(
      configured.length === 0
        ? 'is missing; give --meter typed, or a meter under sensors.meters of --config FILE or --set'
        : `is missing; the configuration has ${configured.join(', ')}: name one of them`,
    )
  }
  if (!KNOWN.includes(meter)) throw refuse(`is ${meter}; it must be one of ${KNOWN.join(', ')}`)
  if (meter !== 'typed' && !configured.includes(meter))
    throw refuse(
      `is ${meter}, which is not configured; write it under sensors.meters of --config FILE, or --set 'sensors.meters=[{source: ${meter}, ...}]'`,
    )
  return meter
}

function howOf(options: CalibrateOptions, meter: string, device_id: string): CalibrationHow {
  const usual = options.sees === 'node' ? USUAL_SUPPLY : NO_SUPPLY
  const efficiency = options.efficiency ?? usual
  return {
    ...{ device_id, meter, sees: options.sees },
    psu_efficiency: efficiency.value,
    psu_efficiency_u: efficiency.u,
    psu_assumed: options.efficiency === null,
    typed_error_rel: options.typed_error_pct / 100,
    measured_at: new Date().toISOString(),
  }
}

async function judge(spool: Spool, how: CalibrationHow): Promise<CalibrateReport> {
  const keys = await spool.chunks()
  const chunks = await Promise.all(
    keys.map(async (key) => ({ ...key, bytes: await spool.readChunk(key) })),
  )
  return judgeRecordedCalibration(parseJson(await spool.readRun()), chunks, how)
}

const print = (text: string) => process.stdout.write(`${text}\n`)

/** The steps tell their own progress. */
const quiet = (reporter: Reporter): Reporter => ({
  ...reporter,
  phase: () => {},
  progress: () => {},
  runEnds: () => {},
})
