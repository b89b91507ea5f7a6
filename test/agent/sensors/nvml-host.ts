import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Clock, createClock } from '../../../agent/clock.ts'
import { nvml } from '../../../agent/sensors/nvml.ts'
import type { OpenSource, Sensor } from '../../../agent/sensors/sensor.ts'
import type { SampleRow } from '../../../analysis/schema/stream.ts'
import {
  buildFakeNvml,
  type HandTime,
  type ScriptLine,
  steerFakeNvml,
  writeScript,
} from '../../support/fake-nvml/fake-nvml.ts'
import { hostAt } from './host-at.ts'

/** A host with the fake driver, whose time passes by hand. */
export interface NvmlHost {
  readonly source: OpenSource
  readonly clock: Clock
  readonly hand: HandTime
  /** How often the driver's function was called. */
  calls(name: string): number
  /** A sensor by its source or, of gauges, its metric; of a GPU by index. */
  sensor(name: string, gpu?: number): Sensor
  has(name: string): boolean
  /** One reading of a sensor. */
  read(name: string, gpu?: number): Promise<readonly SampleRow[]>
}

export interface NvmlBench {
  /** Opens the source on a driver that follows the script. */
  open(script?: readonly ScriptLine[], gpus?: number, procRoot?: string): Promise<NvmlHost>
  /** The same in real time. */
  openRealTime(script?: readonly ScriptLine[], gpus?: number): Promise<NvmlHost>
  cleanUp(): void
}

export const uuid = (gpu = 0): string => `GPU-00000000-0000-4000-8000-${`${gpu}`.padStart(12, '0')}`

/** Compiles the fake driver, without the named functions. */
export function nvmlBench(without: readonly string[] = []): NvmlBench {
  const dir = mkdtempSync(join(tmpdir(), 'llem-nvml-'))
  const path = buildFakeNvml(dir, { without })
  const driver = steerFakeNvml(path)
  const opened: OpenSource[] = []
  const start = async (
    script: readonly ScriptLine[],
    gpus: number,
    byHand: boolean,
    procRoot = dir,
  ): Promise<NvmlHost> => {
    driver.load(writeScript(dir, script), gpus)
    const hand = byHand ? driver.byHand() : null
    const clock = hand ? createClock(hand.time) : createClock()
    const options = hostAt({ clock, procRoot, nvmlPath: path })
    const source = await nvml.open(options)
    opened.push(source)
    const find = (name: string, gpu = 0) =>
      source.sensors.find(
        ({ row }) => row.device_id === uuid(gpu) && (row.source === name || row.metric === name),
      )
    const sensor = (name: string, gpu = 0) => {
      const found = find(name, gpu)
      if (found === undefined) throw new Error(`GPU ${gpu} has no sensor ${name}`)
      return found
    }
    return {
      source,
      clock,
      hand: hand as HandTime,
      calls: driver.calls,
      sensor,
      has: (name) => find(name) !== undefined,
      read: async (name, gpu = 0) => sensor(name, gpu).read(),
    }
  }
  return {
    open: (script = [], gpus = 1, procRoot) => start(script, gpus, true, procRoot),
    openRealTime: (script = [], gpus = 1) => start(script, gpus, false),
    cleanUp() {
      for (const source of opened.splice(0)) source.close()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}
