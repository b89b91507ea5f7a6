// A sampler that is switched by lines on standard input: `on`, `off`, `end`. Each is answered by one line once it
// has happened, `end` by what sampling took. Used by decode.py, which runs generation beside it.
// Bundle: npx esbuild bench/gpu-effect/toggle.ts --bundle --platform=node --format=esm --external:koffi --outfile=toggle.mjs
import { createInterface } from 'node:readline'
import { createClock } from '../../agent/clock.ts'
import { createSampler, type Sampler } from '../../agent/sampler.ts'
import { detectSensors } from '../../agent/sensors/detect.ts'
import { hostOptions } from '../../agent/sensors/host-options.ts'

const clock = createClock()
const found = await detectSensors(hostOptions(clock, process.env), ['nvml'])
let rows = 0
let on_s = 0
let cpu_s = 0
let sampler: Sampler | null = null
let since: { cpu: NodeJS.CpuUsage; t_ns: number } | null = null

const answer = (line: unknown) => process.stdout.write(`${JSON.stringify(line)}\n`)

async function start(): Promise<void> {
  if (sampler !== null) return
  sampler = createSampler({
    clock,
    sensors: found.sensors,
    interval_ms: 100,
    sink: (some) => {
      rows += some.length
    },
    onEvent: () => {},
    onAnchor: () => {},
  })
  await sampler.start()
  since = { cpu: process.cpuUsage(), t_ns: clock.now() }
}

async function stop(): Promise<void> {
  if (sampler === null || since === null) return
  const { user, system } = process.cpuUsage(since.cpu)
  cpu_s += (user + system) / 1e6
  on_s += (clock.now() - since.t_ns) / 1e9
  await sampler.stop()
  sampler = null
}

answer({ sensors: found.sensors.length })
for await (const line of createInterface({ input: process.stdin })) {
  if (line === 'on') await start()
  else await stop()
  answer(line === 'end' ? { on_s, cpu_s, cpu_pct: (100 * cpu_s) / on_s, rows } : line)
  if (line === 'end') break
}
found.close()
