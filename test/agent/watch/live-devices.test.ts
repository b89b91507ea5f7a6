import pc from 'picocolors'
import { describe, expect, it } from 'vitest'
import { createLiveDevices } from '../../../agent/watch/live-devices.ts'
import { logLine, tableLines } from '../../../agent/watch/live-lines.ts'
import { readAddress } from '../../../agent/watch/metrics-server.ts'
import { prometheusText } from '../../../agent/watch/prometheus.ts'
import type { SensorRow } from '../../../analysis/schema/sensor.ts'

const GPU = {
  device_id: 'GPU-1',
  kind: 'gpu',
  index: 0,
  model: 'NVIDIA H100',
  memory_bytes: 80 * 2 ** 30,
}
const CPU = { device_id: 'cpu_package:0', kind: 'cpu_package' }
const sensor = (device_id: string, metric: string, source: string, more = {}): SensorRow =>
  ({
    sensor_id: `${device_id}/${source}/${metric}`,
    device_id,
    metric,
    source,
    ...more,
  }) as SensorRow
const RING = sensor('GPU-1', 'gpu_power_mw', 'nvml_power_ring')
const AVERAGE = sensor('GPU-1', 'gpu_power_mw', 'nvml_power_average')
const RAPL = sensor('cpu_package:0', 'cpu_energy_uj', 'rapl', { range: 1000 })
const S = 1e9

const row = (s: SensorRow, t_s: number, value: number | null, reason?: string) => ({
  t_ns: t_s * S,
  device_id: s.device_id,
  sensor_id: s.sensor_id,
  metric: s.metric,
  value,
  ...(reason === undefined ? {} : { reason }),
})
const gauge = (metric: string, value: number) => row(sensor('GPU-1', metric, 'nvml'), 1, value)
const plain = pc.createColors(false)

describe('live devices', () => {
  it('show the mean power between two looks, and the joules since the start', () => {
    const live = createLiveDevices([GPU], [AVERAGE, RING])
    // Each entry of a ring is the mean since the one before: 100 W × 0.5 s, then 300 W × 0.5 s.
    live.take([row(RING, 1, 500_000), row(RING, 1.5, 100_000), row(RING, 2, 300_000)])
    // The average of a second is there too; the ring is better.
    live.take([row(AVERAGE, 2, 700_000)])
    expect(live.now()[0]).toMatchObject({ source: 'nvml_power_ring', power_w: 200, energy_j: 200 })
    live.take([row(RING, 3, 400_000)])
    expect(live.now()[0]).toMatchObject({ power_w: 400, energy_j: 600 })
    // Nothing came meanwhile: as it was.
    expect(live.now()[0]).toMatchObject({ power_w: 400, energy_j: 600 })
  })

  it('take nothing twice, and fill no hole of more than three seconds', () => {
    const live = createLiveDevices([GPU], [RING])
    live.take([row(RING, 1, 100_000), row(RING, 2, 100_000), row(RING, 2, 100_000)])
    live.take([row(RING, 1.5, 900_000), row(RING, 10, 100_000), row(RING, 11, 100_000)])
    expect(live.now()[0]?.energy_j).toBeCloseTo(200, 9)
  })

  it('read counters by their rise, over their wrap', () => {
    const live = createLiveDevices([CPU], [RAPL])
    live.take([row(RAPL, 1, 900), row(RAPL, 2, 100)])
    expect(live.now()[0]?.energy_j).toBeCloseTo(200e-6, 12)
    expect(live.now()[0]?.power_w).toBeCloseTo(200e-6, 12)
  })

  it('say why a power is not there, and show no old one for it', () => {
    const live = createLiveDevices([GPU, CPU], [RING])
    live.take([row(RING, 1, 100_000), row(RING, 2, 100_000)])
    expect(live.now()[0]).toMatchObject({ power_w: 100, reason: null })
    live.take([row(RING, 3, null, 'lost')])
    expect(live.now()).toMatchObject([
      { power_w: null, reason: 'lost' },
      { power_w: null, source: null, reason: 'not_recorded' },
    ])
    live.take([row(RING, 4, 100_000)])
    expect(live.now()[0]).toMatchObject({ power_w: 100, reason: null })
  })

  it('go on by the next source while the best one fails, and come back to it', () => {
    const live = createLiveDevices([GPU], [AVERAGE, RING])
    live.take([row(RING, 1, 100_000), row(RING, 2, 100_000)])
    expect(live.now()[0]).toMatchObject({ source: 'nvml_power_ring', energy_j: 100 })
    live.take([row(RING, 3, null, 'gap'), row(AVERAGE, 3, 300_000), row(AVERAGE, 4, 300_000)])
    // 100 J, and 300 W from 2 to 4 s
    expect(live.now()[0]).toMatchObject({
      ...{ source: 'nvml_power_average', power_w: 300, energy_j: 700, reason: null },
    })
    live.take([row(RING, 5, 200_000), row(AVERAGE, 5, 300_000)])
    expect(live.now()[0]).toMatchObject({ source: 'nvml_power_ring', power_w: 200, energy_j: 900 })
    live.take([row(RING, 6, null, 'lost'), row(AVERAGE, 6, null, 'lost')])
    expect(live.now()[0]).toMatchObject({
      ...{ source: 'nvml_power_ring', power_w: null, reason: 'lost', energy_j: 900 },
    })
  })

  it('never go on by a source of another scope, nor by an estimate for a counter', () => {
    const module = sensor('GPU-1', 'gpu_power_mw', 'nvml_power_instant', { scope: 'module' })
    const estimate = sensor('cpu_package:0', 'cpu_power_mw', 'cpu_estimate')
    const live = createLiveDevices([GPU, CPU], [RING, module, RAPL, estimate])
    live.take([row(RING, 1, null, 'gap'), row(module, 1, 900_000)])
    live.take([row(RAPL, 1, null, 'permission_denied'), row(estimate, 1, 50_000)])
    expect(live.now()).toMatchObject([
      { source: 'nvml_power_ring', power_w: null, reason: 'gap' },
      { source: 'rapl', power_w: null, reason: 'permission_denied' },
    ])
  })

  it('name what slows a device, and not what it was told to do', () => {
    const live = createLiveDevices([GPU], [RING])
    expect(live.now()[0]?.throttle).toBe(null)
    live.take([gauge('gpu_throttle_reasons', 0x1 | 0x4 | 0x40 | 0x2)])
    expect(live.now()[0]?.throttle).toEqual(['sw_power_cap', 'hw_thermal'])
  })
})

/** A GPU of which everything is known, with the widest of values. */
function everything() {
  const live = createLiveDevices(
    [{ ...GPU, index: 15, model: 'NVIDIA GB200 with a very long "name"\n' }, CPU],
    [RING, RAPL],
  )
  live.take([
    ...[row(RING, 1, 1_200_000), row(RING, 2, 1_234_567)],
    ...[gauge('gpu_temperature_c', 101), gauge('gpu_utilisation_pct', 100)],
    ...[gauge('gpu_sm_clock_mhz', 2100), gauge('gpu_memory_used_bytes', 79.9 * 2 ** 30)],
    ...[gauge('gpu_power_limit_mw', 1_200_000), gauge('gpu_throttle_reasons', 4)],
  ])
  return live.now()
}

describe('how they are shown', () => {
  it('in at most 80 columns', () => {
    const lines = tableLines(everything(), plain)
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(80)
    expect(lines[1]).toContain('1234.6 W')
    expect(lines[1]).toContain('79.9/80 GiB')
    expect(lines[2]).toBe('  slowed by sw_power_cap')
    expect(lines[3]).toMatch(/^cpu_package:0 .* - /)
  })

  it('as a line of a log', () => {
    const [gpu, cpu] = everything().map((d) => logLine(d, 'now'))
    expect(gpu).toContain('1234.6 W  101 C  100 %  2100 MHz  79.9/80 GiB  1234.57 J  slowed by')
    expect(cpu).toBe('now  cpu_package:0  no power (not read yet)')
  })

  it('in the text format of Prometheus: base units, escaped labels, nothing for what is not known', () => {
    const text = prometheusText(everything())
    const label =
      'device="GPU-1",name="GPU 15 GB200 with a very long \\"name\\"",source="nvml_power_ring"'
    expect(text).toContain(
      `# TYPE llem_gpu_power_watts gauge\nllem_gpu_power_watts{${label}} 1234.567\n`,
    )
    expect(text).toContain('# TYPE llem_gpu_energy_joules_total counter\n')
    expect(text).toContain(`llem_gpu_sm_clock_hertz{${label}} 2100000000\n`)
    expect(text).toContain(`llem_gpu_utilisation_ratio{${label}} 1\n`)
    expect(text).toContain(`llem_gpu_throttled{${label}} 1\n`)
    expect(text).toMatch(/^# TYPE llem_build_info gauge\nllem_build_info\{version="[^"]+"\} 1\n/)
    expect(text).not.toContain('llem_cpu')
    for (const line of text.trimEnd().split('\n'))
      expect(line).toMatch(
        /^(# (HELP|TYPE) \w+ .+|\w+\{(\w+="(?:[^"\\\n]|\\["\\n])*",?)+\} -?[\d.e+-]+)$/,
      )
  })

  it.each([
    ['9400', { host: '127.0.0.1', port: 9400 }],
    ['0.0.0.0:1', { host: '0.0.0.0', port: 1 }],
    ['[::1]:80', { host: '::1', port: 80 }],
  ])('at %s', (text, address) => expect(readAddress(text)).toEqual(address))

  it.each(['', 'x', '70000', ':80', 'a b:80'])('not at %j, in a sentence', (text) => {
    expect(() => readAddress(text)).toThrow(/--prometheus: is .* such as 9400/)
  })
})
