import { calibrationFor } from '../../analysis/estimators/calibration.ts'
import type { Calibration } from '../../analysis/schema/calibration.ts'
import type { Device } from '../../analysis/schema/device.ts'
import {
  type Doctor,
  type DoctorDevice,
  type DoctorMissing,
  type DoctorSource,
  doctorSchema,
} from '../../analysis/schema/doctor.ts'
import { METRICS, type MetricName } from '../../analysis/schema/metric.ts'
import { type Reason, reasonSchema } from '../../analysis/schema/reason.ts'
import { calibrationsHere, readCalibrations } from '../calibrate/store.ts'
import { createClock } from '../clock.ts'
import { lockHolder } from '../device-lock.ts'
import { VERSION } from '../program.ts'
import { type DetectedSensors, detectSensors } from '../sensors/detect.ts'
import { hostOptions } from '../sensors/host-options.ts'
import { spoolDir, stateDir } from '../state-dir.ts'
import { calibratedAccuracy, wattsNow } from './bound.ts'
import { clockFacts, hostFacts, spoolFacts } from './host-facts.ts'
import { environmentOf, throttleNames, worthKnowing } from './settings.ts'
import { trySensors } from './try-sensors.ts'
import { verdictOf } from './verdict.ts'
import type { Watched } from './watch-sensor.ts'

/** Looks at everything that this host can measure, by the same door as a run, and tries it for some seconds. */
export async function examine(env: NodeJS.ProcessEnv): Promise<Doctor> {
  const clock = createClock()
  const options = hostOptions(clock, env)
  const before = clock.anchor()
  const found = await detectSensors(options, null)
  try {
    const tried = await trySensors(found.sensors)
    const { calibrations, missing } = await calibrationsOf(stateDir(env))
    const environment = {
      ...found.environment,
      calibrations: calibrationsHere(calibrations, found.devices, found.environment).calibrations,
    }
    const devices = await Promise.all(
      found.devices.map((device) =>
        deviceOf(device, { ...found, environment }, tried, stateDir(env)),
      ),
    )
    return {
      agent_version: VERSION,
      taken_at: new Date().toISOString(),
      host: hostFacts(options),
      clock: clockFacts(clock, before),
      spool: spoolFacts(spoolDir(env)),
      devices,
      missing: [
        ...found.missing.filter((m) => !devices.some((d) => d.device_id === m.device_id)),
        ...missing,
      ],
      verdict: verdictOf(devices),
    }
  } finally {
    found.close()
  }
}

/** The host's calibrations; a file that can't be understood is told, and stops a run but no look at the host. */
async function calibrationsOf(
  state: string,
): Promise<{ calibrations: readonly Calibration[]; missing: DoctorMissing[] }> {
  try {
    return { calibrations: await readCalibrations(state), missing: [] }
  } catch (error) {
    const fix = error instanceof Error ? error.message : String(error)
    const missing = {
      source: 'calibrations',
      device_id: null,
      reason: 'source_failed',
      fix,
    } as const
    return { calibrations: [], missing: [missing] }
  }
}

async function deviceOf(
  device: Device,
  found: DetectedSensors,
  tried: readonly Watched[],
  state: string,
): Promise<DoctorDevice> {
  const { device_id } = device
  const own = tried.filter((t) => t.sensor.row.device_id === device_id)
  const told = environmentOf(found.environment, device_id)
  const bits = own.find((t) => t.sensor.row.metric === 'gpu_throttle_reasons')?.last?.value ?? null
  const judged = sourcesOf(own)
  return {
    device_id,
    kind: device.kind,
    model: device.model ?? null,
    index: device.index ?? null,
    driver: told.driver,
    rated_w: device.tdp_w ?? null,
    sources: judged.sources.map((source) => {
      const calibration = calibrationFor(found, device_id, source.source)
      if (calibration === null || !source.energy) return source
      const accuracy = calibratedAccuracy(calibration, wattsNow(source, judged.sources))
      return { ...source, accuracy: accuracy ?? source.accuracy }
    }),
    missing: [...found.missing.filter((m) => m.device_id === device_id), ...judged.missing],
    settings: worthKnowing(told.settings, device.index ?? null),
    throttled_by: throttleNames(bits),
    processes: told.processes,
    locked_by_pid: (await lockHolder(device_id, state))?.pid ?? null,
  }
}

const sourceSchema = doctorSchema.shape.devices.element.shape.sources.element

/** What each source is worth; one of which that can't be said (it told no number) is missing, and the others are not. */
export function sourcesOf(tried: readonly Watched[]): {
  sources: DoctorSource[]
  missing: DoctorMissing[]
} {
  const sources: DoctorSource[] = []
  const missing: DoctorMissing[] = []
  for (const watched of tried) {
    const judged = sourceSchema.safeParse(sourceOf(watched))
    if (judged.success) sources.push(judged.data)
    else missing.push(faulty(watched, judged.error.issues[0]))
  }
  return { sources, missing }
}

function faulty(
  { sensor: { row } }: Watched,
  issue: { readonly path: readonly PropertyKey[]; readonly message: string } | undefined,
): DoctorMissing {
  const { source, metric, device_id } = row
  const why = `${issue?.path.join('.')}: ${issue?.message}`
  const fix = `${metric} of ${source} told what is no reading (${why}). This is a fault of llem-agent: please report it with this sentence; sensors.only can leave the source out.`
  return { source, device_id, reason: 'source_failed', fix }
}

const ENERGY_UNITS: readonly string[] = ['W', 'mW', 'uW', 'mJ', 'uJ']

function sourceOf({ sensor, last, fault, ...watched }: Watched): DoctorSource {
  const { row } = sensor
  const unit = METRICS[row.metric as MetricName]?.unit ?? null
  return {
    sensor_id: row.sensor_id,
    source: row.source,
    metric: row.metric,
    scope: row.scope ?? null,
    unit,
    energy: unit !== null && ENERGY_UNITS.includes(unit),
    measured: row.source !== 'cpu_estimate',
    value: last?.value ?? null,
    reason: last?.value == null ? reasonOf(last?.reason) : null,
    fault,
    ...watched,
    stated_period_ms: row.period_ms ?? null,
    averaging_ms: row.averaging_ms ?? null,
    duty: row.duty ?? null,
    accuracy: row.accuracy ?? null,
  }
}

/** A source that gave no reading at all has recorded nothing. */
const reasonOf = (reason: string | null | undefined): Reason =>
  reasonSchema.safeParse(reason).data ?? 'not_recorded'
