import { afterEach, describe, expect, it } from 'vitest'
import type { Clock } from '../../../agent/clock.ts'
import type { OpenSource } from '../../../agent/sensors/sensor.ts'
import { deviceSchema } from '../../../analysis/schema/device.ts'
import { METRICS, type MetricName } from '../../../analysis/schema/metric.ts'
import { reasonSchema } from '../../../analysis/schema/reason.ts'
import { sensorSchema } from '../../../analysis/schema/sensor.ts'
import type { SampleRow } from '../../../analysis/schema/stream.ts'

/** A source on a host that has it, real or built for the test. */
export interface SourceOnHost {
  readonly source: OpenSource
  readonly clock: Clock
  /** Lets something happen that the next readings show: time passes, counters move. */
  pass(): void | Promise<void>
  /** Everything of the host goes away while the source is open. */
  lose?(): void
  cleanUp?(): void
}

export interface SourceCases {
  readonly name: string
  present(): Promise<SourceOnHost>
  /** The source on a host that has none of it; left out by one that every host has. */
  absent?(): Promise<OpenSource>
  /** What it reads once and for all can't be lost, so that is not asked of it. */
  readonly permanent?: true
  /** Some of what it reads are counters. */
  readonly counters?: true
}

/** What every source keeps to: the contract of agent/sensors/sensor.ts, one suite for all. */
export function describeSource({ name, present, absent, permanent, counters }: SourceCases): void {
  describe(`${name} as a source of sensors`, () => {
    let host: SourceOnHost | null = null
    const open = async (): Promise<SourceOnHost> => {
      host = await present()
      return host
    }
    afterEach(() => {
      host?.source.close()
      host?.cleanUp?.()
      host = null
    })

    it('describes itself, its devices and its sensors by the shared schemas', async () => {
      const { source } = await open()
      expect(source.source).toBe(name)
      expect(source.sensors.length).toBeGreaterThan(0)
      for (const device of source.devices) deviceSchema.parse(device)
      const devices = source.devices.map((d) => d.device_id)
      for (const { row } of source.sensors) {
        sensorSchema.parse(row)
        expect(devices).toContain(row.device_id)
        expect(Object.keys(METRICS)).toContain(row.metric)
      }
      expectToldWhy(source)
    })

    it('names each device and each sensor once', async () => {
      const { source } = await open()
      for (const ids of [
        source.devices.map((d) => d.device_id),
        source.sensors.map((s) => s.row.sensor_id),
      ])
        expect(new Set(ids).size).toBe(ids.length)
    })

    it('has an environment that JSON can carry', async () => {
      const { environment } = (await open()).source
      expect(JSON.parse(JSON.stringify(environment))).toEqual(environment)
    })

    it('reads rows of its own sensors: a value, or null with a reason', async () => {
      const opened = await open()
      const rows = await readAll(opened, 3)
      expect(rows.length).toBeGreaterThan(0)
      const known = new Map(opened.source.sensors.map((s) => [s.row.sensor_id, s.row]))
      for (const row of rows) {
        expect(known.get(row.sensor_id ?? '')).toMatchObject({
          device_id: row.device_id,
          metric: row.metric,
        })
        expectSound(row)
      }
      expect(rows.some((row) => row.value !== null)).toBe(true)
    })

    it('stamps the readings of each sensor in ascending order, none later than now', async () => {
      const opened = await open()
      const rows = await readAll(opened, 4)
      const now = opened.clock.now()
      const last = new Map<string, number>()
      for (const { sensor_id, t_ns } of rows) {
        expect(Number.isSafeInteger(t_ns)).toBe(true)
        expect(t_ns).toBeLessThanOrEqual(now)
        expect(t_ns).toBeGreaterThan(last.get(sensor_id ?? '') ?? Number.NEGATIVE_INFINITY)
        last.set(sensor_id ?? '', t_ns)
      }
    })

    if (counters === true)
      it('lets no counter fall', async () => {
        const rows = await readAll(await open(), 4)
        const last = new Map<string, number>()
        let compared = 0
        for (const { sensor_id, metric, value } of rows) {
          if (!isCounter(metric) || value == null) continue
          const before = last.get(sensor_id ?? '')
          if (before !== undefined) compared++
          expect(value).toBeGreaterThanOrEqual(before ?? 0)
          last.set(sensor_id ?? '', value)
        }
        expect(compared).toBeGreaterThan(0)
      })
    else
      it('reads no counters', async () => {
        const { source } = await open()
        expect(source.sensors.filter(({ row }) => isCounter(row.metric))).toEqual([])
      })

    if (permanent !== true)
      it('goes on with null and a reason, without throwing, when the host is lost', async () => {
        const opened = await open()
        if (opened.lose === undefined) throw new Error(`${name} does not say how its host is lost.`)
        opened.lose()
        const rows = await readAll(opened, 2)
        expect(rows.length).toBeGreaterThan(0)
        for (const row of rows) {
          expectSound(row)
          expect(row.value).toBeNull()
        }
      })

    if (absent !== undefined)
      it('is, where there is none of it, a source without sensors that says why, and what to do', async () => {
        const source = await absent()
        source.close()
        expect(source.sensors).toEqual([])
        expect(source.devices).toEqual([])
        expect(source.missing.length).toBeGreaterThan(0)
        expectToldWhy(source)
      })
  })
}

const isCounter = (metric: string): boolean => METRICS[metric as MetricName].kind === 'counter'

/** A reason of the closed list, and a sentence about what to do. */
function expectToldWhy({ missing }: OpenSource): void {
  for (const { reason, fix } of missing) {
    reasonSchema.parse(reason)
    expect(fix).toMatch(/\.$/)
  }
}

function expectSound(row: SampleRow): void {
  if (row.value == null) reasonSchema.parse(row.reason)
  else {
    expect(Number.isFinite(row.value)).toBe(true)
    expect(row.reason).toBeNull()
  }
}

/** All rows of some rounds of reading every sensor, with something happening before each. */
async function readAll({ source, pass }: SourceOnHost, rounds: number): Promise<SampleRow[]> {
  const rows: SampleRow[] = []
  for (let round = 0; round < rounds; round++) {
    await pass()
    for (const sensor of source.sensors) rows.push(...(await sensor.read()))
  }
  return rows
}
