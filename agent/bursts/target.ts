import type { Device } from '../../analysis/schema/device.ts'
import type { SensorRow } from '../../analysis/schema/sensor.ts'
import { BurstError } from './child.ts'

/**
 * The GPU that bursts are made on: the one asked for, else the first with a power ring.
 * @throws BurstError saying what is missing here
 */
export function burstTarget(
  wanted: string | null,
  devices: readonly Device[],
  sensors: readonly SensorRow[],
): Device {
  const gpus = devices.filter((d) => d.kind === 'gpu' && d.vendor === 'nvidia')
  if (gpus.length === 0)
    throw new BurstError(
      'Bursts of known work need an NVIDIA GPU, and none was found here. llem-agent doctor says what was looked for.',
    )
  const named = wanted === null ? gpus : gpus.filter((d) => d.device_id.startsWith(wanted))
  const here = gpus.map((d) => d.device_id).join(', ')
  if (wanted !== null && named.length !== 1)
    throw new BurstError(
      `--device is ${wanted}, which names ${named.length === 0 ? 'no GPU' : `${named.length} GPUs`} of this host; it has ${here}.`,
    )
  const hasRing = ({ device_id }: Device) =>
    sensors.some((s) => s.device_id === device_id && s.source === 'nvml_power_ring')
  const target = named.find(hasRing)
  if (target === undefined)
    throw new BurstError(
      `${named.map((d) => d.device_id).join(', ')}: the driver keeps no record of power there (nvml_power_ring), and short bursts are judged by it. It comes with GPUs from Ampere on; llem-agent doctor says why it is missing.`,
    )
  return target
}
