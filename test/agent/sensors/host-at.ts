import { createClock } from '../../../agent/clock.ts'
import type { SensorOptions } from '../../../agent/sensors/sensor.ts'

/** A host that has nothing but what is given: no driver, no tree of files, no environment. */
export const hostAt = (given: Partial<SensorOptions> = {}): SensorOptions => ({
  clock: given.clock ?? createClock(),
  sysfsRoot: '/nowhere',
  procRoot: '/nowhere',
  nvmlPath: '/nowhere/libnvidia-ml.so.1',
  amdsmiPath: '/nowhere/libamd_smi.so',
  env: {},
  meters: [],
  ...given,
})
