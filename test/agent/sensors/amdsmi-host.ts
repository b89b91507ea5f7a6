import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Clock, createClock } from '../../../agent/clock.ts'
import { amdsmi } from '../../../agent/sensors/amdsmi.ts'
import type { OpenSource, Sensor } from '../../../agent/sensors/sensor.ts'
import type { SampleRow } from '../../../analysis/schema/stream.ts'
import {
  buildFakeAmdsmi,
  type FakeAmdsmiFlags,
  steerFakeAmdsmi,
} from '../../support/fake-amdsmi/fake-amdsmi.ts'
import { type ScriptLine, writeScript } from '../../support/fake-nvml/fake-nvml.ts'
import { handClocks } from '../../support/hand-time.ts'
import { hostAt } from './host-at.ts'
import { type HostTree, hostTree } from './host-tree.ts'

/** A host with the fake library, whose time passes by hand. */
export interface AmdsmiHost {
  readonly source: OpenSource
  readonly clock: Clock
  pass(ms: number): void
  /** One reading of a GPU's metric. */
  read(metric: string, gpu?: number): Promise<readonly SampleRow[]>
  sensor(metric: string, gpu?: number): Sensor | undefined
  /** What is missing of a GPU, by name. */
  missing(gpu?: number): Record<string, string>
}

export interface AmdsmiCase {
  readonly gpus?: number
  readonly per_socket?: number
  readonly model?: string
  /** Files of the kernel, by path below /sys. */
  readonly sysfs?: Readonly<Record<string, string>>
}

export interface AmdsmiBench {
  readonly dir: string
  open(script?: readonly ScriptLine[], at?: AmdsmiCase): Promise<AmdsmiHost>
  cleanUp(): void
}

/** The number that the kernel gives to GPU `gpu` of a host with `uniqueIds`. */
export const gpuId = (gpu = 0): string => `GPU-${`${gpu + 1}`.padStart(16, '0')}`

/** The kernel's numbers of so many cards. */
export const uniqueIds = (gpus: number): Record<string, string> =>
  Object.fromEntries(
    Array.from({ length: gpus }, (_, gpu) => [
      `bus/pci/devices/0000:${(0xc1 + gpu).toString(16)}:00.0/unique_id`,
      `${gpu + 1}`.padStart(16, '0'),
    ]),
  )

/** Compiles the fake library of a generation, without the named functions. */
export function amdsmiBench(flags: FakeAmdsmiFlags = {}): AmdsmiBench {
  const dir = mkdtempSync(join(tmpdir(), 'llem-amdsmi-'))
  const path = buildFakeAmdsmi(dir, flags)
  const library = steerFakeAmdsmi(path)
  const opened: OpenSource[] = []
  const trees: HostTree[] = []
  return {
    dir,
    async open(script = [], { gpus = 1, per_socket = 1, model, sysfs = uniqueIds(gpus) } = {}) {
      library.load(writeScript(dir, script), gpus, per_socket, model ?? 'AMD Instinct MI300X')
      const clocks = handClocks()
      const clock = createClock(clocks.time)
      let passed_us = 0
      library.setTime(passed_us)
      const tree = hostTree()
      trees.push(tree)
      tree.write(sysfs)
      const source = await amdsmi.open(hostAt({ clock, sysfsRoot: tree.root, amdsmiPath: path }))
      opened.push(source)
      const id = (gpu: number) => source.devices[gpu]?.device_id
      const sensor = (metric: string, gpu = 0) =>
        source.sensors.find(({ row }) => row.device_id === id(gpu) && row.metric === metric)
      return {
        source,
        clock,
        pass(ms) {
          clocks.pass(ms)
          passed_us += ms * 1000
          library.setTime(passed_us)
        },
        sensor,
        async read(metric, gpu = 0) {
          const found = sensor(metric, gpu)
          if (found === undefined) throw new Error(`GPU ${gpu} has no ${metric}`)
          return await found.read()
        },
        missing: (gpu = 0) =>
          Object.fromEntries(
            source.missing
              .filter((m) => m.device_id === id(gpu))
              .map((m) => [m.source, m.reason as string]),
          ),
      }
    },
    cleanUp() {
      for (const source of opened.splice(0)) source.close()
      for (const tree of trees.splice(0)) tree.remove()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}
