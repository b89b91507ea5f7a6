import { hostname } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { driverOf, unusedCalibrations } from '../../analysis/estimators/calibration.ts'
import { type Calibration, calibrationSchema } from '../../analysis/schema/calibration.ts'
import type { Device } from '../../analysis/schema/device.ts'
import { ConfigError } from '../../analysis/schema/study.ts'
import { makeDirectory, writeDurably } from '../durable-file.ts'
import { FileError, readText } from '../read-file.ts'

const fileSchema = z.object({ version: z.literal(1), calibrations: z.array(calibrationSchema) })

/** Where this host's calibrations are kept. */
export const calibrationsPath = (stateDir: string): string => join(stateDir, 'calibrations.json')

/**
 * The calibrations of this host; none where none was made.
 * @throws ConfigError where the file is there and can't be understood: going on would change results silently
 */
export async function readCalibrations(stateDir: string): Promise<readonly Calibration[]> {
  const path = calibrationsPath(stateDir)
  const refuse = (message: string) => new ConfigError([{ path, message }])
  let text: string
  try {
    text = readText(path, 'state')
  } catch (error) {
    if (!(error instanceof FileError)) throw error
    if (error.code === 'ENOENT') return []
    throw refuse(error.message)
  }
  try {
    return fileSchema.parse(JSON.parse(text)).calibrations
  } catch {
    throw refuse(
      'is not a list of calibrations as llem-agent calibrate writes it; mend it, or remove it and calibrate again',
    )
  }
}

/** What a calibration is of: a newer one of the same takes its place. */
const keyOf = (c: Calibration): string =>
  JSON.stringify([c.device_id, c.driver_version, c.source, c.hostname ?? null])

/** Adds calibrations, each in the place of an older one of the same device, driver and source. */
export async function storeCalibrations(
  stateDir: string,
  made: readonly Calibration[],
): Promise<void> {
  const replaced = new Set(made.map(keyOf))
  const kept = (await readCalibrations(stateDir)).filter((c) => !replaced.has(keyOf(c)))
  await writeAll(stateDir, [...kept, ...made])
}

/**
 * Removes the calibrations of a device, by the beginning of its id; null: all.
 * @returns what was removed
 */
export async function forgetCalibrations(
  stateDir: string,
  device: string | null,
): Promise<readonly Calibration[]> {
  const all = await readCalibrations(stateDir)
  const gone = all.filter((c) => device === null || c.device_id.startsWith(device))
  if (gone.length > 0)
    await writeAll(
      stateDir,
      all.filter((c) => !gone.includes(c)),
    )
  return gone
}

async function writeAll(stateDir: string, calibrations: readonly Calibration[]): Promise<void> {
  const path = calibrationsPath(stateDir)
  await makeDirectory(stateDir)
  const content = `${JSON.stringify({ version: 1, calibrations }, null, 2)}\n`
  await writeDurably(path, content, `${path}.${process.pid}.tmp`)
}

/**
 * What of the stored calibrations belongs into a run: those of its devices. Analysis takes those of its driver. A home
 * directory may be shared by hosts, and only a GPU's id is its own wherever it is.
 */
export function calibrationsHere(
  all: readonly Calibration[],
  devices: readonly Pick<Device, 'device_id' | 'kind'>[],
  environment: Readonly<Record<string, unknown>>,
  host = hostname(),
): { readonly calibrations: readonly Calibration[]; readonly notes: readonly string[] } {
  const calibrations = all.filter((c) => {
    const device = devices.find((d) => d.device_id === c.device_id)
    if (device === undefined) return false
    return device.kind === 'gpu' || c.hostname == null || c.hostname === host
  })
  const notes = unusedCalibrations({ environment: { ...environment, calibrations } }).map(
    (c) =>
      `The calibration of ${c.source} of ${c.device_id} was made under driver ${c.driver_version}, and this is ${driverOf({ environment }, c.source) ?? 'unknown'}: it is not applied. llem-agent calibrate makes a new one.`,
  )
  return { calibrations, notes }
}
