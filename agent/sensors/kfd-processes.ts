import { join } from 'node:path'
import { exists, readText } from './files.ts'

/**
 * The GPUs on which a process holds memory, as the kernel's compute driver lists it; null where it lists no processes
 * here. It gives the pids of the host's first namespace, which mean nothing in a container with pids of its own.
 * @param gpus device ids by the driver's number of the GPU
 */
export function devicesOfProcess(
  sysfsRoot: string,
  gpus: ReadonlyMap<string, string>,
  pid: number,
): readonly string[] | null {
  const processes = join(sysfsRoot, 'class/kfd/kfd/proc')
  if (!exists(processes)) return null
  return [...gpus]
    .filter(([kfd_id]) => Number(readText(join(processes, `${pid}`, `vram_${kfd_id}`)).text) > 0)
    .map(([, device_id]) => device_id)
}
