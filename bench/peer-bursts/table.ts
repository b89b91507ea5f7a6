// What bursts.py recorded, as a table: the error of each tool's single bursts against the energy counter around each,
// caught as it stepped. The counter itself is set against the mean of many: so unlike were the bursts.
// Run: npx tsx bench/peer-bursts/table.ts BUNDLE BURSTS.ndjson
import { readFileSync } from 'node:fs'
import { deviceEnergy } from '../../analysis/energy/device-energy.ts'
import { repeatable } from '../../analysis/estimators/uncertainty.ts'
import { marksOf } from '../../analysis/marked-windows.ts'
import { decodeRun } from '../../analysis/readings/decode-run.ts'
import type { RunData } from '../../analysis/readings/run-data.ts'
import { mean } from '../../analysis/stats/moments.ts'
import { nearestRank, percentile } from '../../analysis/stats/percentile.ts'
import type { Window } from '../../analysis/window.ts'
import { readBundle } from '../../server/bundle/read-bundle.ts'

interface Burst {
  readonly id: number
  readonly load: string
  readonly length_ms: number
  readonly tool: string
  readonly begin_ns: number
  readonly end_ns: number
  readonly energy_j: number | null
  readonly counter_before: readonly [t_ns: number, mj: number]
  readonly counter_after: readonly [t_ns: number, mj: number]
}

/** A burst's joules by every form; null where a form does not tell. */
type Forms = Readonly<Record<string, number | null>> & { readonly doubt: number }

const [bundle, file] = process.argv.slice(2)
if (bundle === undefined || file === undefined) {
  console.error('Give the bundle and the lines of bursts.py: table.ts OUT bursts.ndjson')
  process.exit(2)
}
const read = readBundle(bundle)
const run = decodeRun(
  read.run.file,
  read.chunks.map((c) => ({ ...c, bytes: c.read() })),
)
const lines = <T>(path: string): T[] =>
  readFileSync(path, 'utf8')
    .split('\n')
    .filter((l) => l !== '')
    .map((l) => JSON.parse(l) as T)
const bursts = lines<Burst>(file)
const polls = lines<{ t_ns: number; power_mw: number }>(`${file}.polls`)
const marks = new Map(marksOf(run).map((m) => [m.id, m.window]))
const gpu = run.devices.find((d) => d.kind === 'gpu')
if (gpu === undefined) throw new Error(`${bundle} has no GPU`)

const groups = new Map<string, { burst: Burst; forms: Forms }[]>()
for (const burst of bursts) {
  const window = marks.get(burst.id)
  if (window === undefined) continue
  const key = `${burst.load} ${burst.length_ms}`
  const forms = formsOf(run, gpu.device_id, burst, window)
  groups.set(key, [...(groups.get(key) ?? []), { burst, forms }])
}
const FORMS = ['ring padded', 'ring alone', 'polled 186']
const TOOLS = ['zeus', 'codecarbon', 'llenergymeasure']
console.log(
  'error of single bursts, %: median (least..most), [95 % within]; by the counter around each',
)
for (const [key, group] of [...groups].sort((a, b) =>
  a[0].localeCompare(b[0], 'en', { numeric: true }),
)) {
  const of = (form: string) => mean(group.flatMap((g) => g.forms[form] ?? [])) as number
  const [padded, counter] = [of('ring padded'), of('counter')]
  const errors = (joules: (g: (typeof group)[number]) => number | null, truth_j?: number) =>
    group.flatMap((g) => {
      const own = joules(g)
      return own === null ? [] : [100 * (own / (truth_j ?? (g.forms['counter'] as number)) - 1)]
    })
  console.log(
    `\n${key} ms: ${group.length} bursts, ${((padded + counter) / 2).toFixed(1)} J; ring ${padded.toFixed(2)}, counter ${counter.toFixed(2)} ` +
      `(${(100 * (counter / padded - 1)).toFixed(1)} %)`,
  )
  for (const form of FORMS)
    console.log(`  ${form.padEnd(16)} ${spread(errors((g) => g.forms[form] ?? null))}`)
  console.log(`  counter, by mean ${spread(errors((g) => g.forms['counter'] ?? null, counter))}`)
  const held = group.filter(
    ({ forms }) =>
      Math.abs((forms['ring alone'] as number) - (forms['counter'] as number)) <= forms.doubt,
  )
  console.log(`  ring alone, within its stated range: ${held.length} of ${group.length}`)
  for (const tool of TOOLS)
    console.log(
      `  ${tool.padEnd(16)} ${spread(errors((g) => (g.burst.tool === tool ? g.burst.energy_j : null)))}`,
    )
}

function spread(errors: readonly number[]): string {
  if (errors.length === 0) return '-'
  const at = (p: number, of: readonly number[]) => (percentile(of, p) as number).toFixed(1)
  return `${at(0.5, errors)} (${at(0, errors)}..${at(1, errors)}) [${(nearestRank(errors.map(Math.abs), 0.95) as number).toFixed(2)}] n ${errors.length}`
}

function formsOf(run: RunData, device_id: string, burst: Burst, window: Window): Forms {
  const { estimates } = deviceEnergy(run, device_id, window)
  const by = (method: string) => estimates.find((e) => e.method === method) ?? null
  const padded = by('burst')
  const ring = by('ring')
  const [before, after] = [burst.counter_before, burst.counter_after]
  const idle_before_w = meanWatts(window.start_ns - 3e8, window.start_ns - 1e8)
  const idle_after_w = meanWatts(window.end_ns + 2.5e8, window.end_ns + 4.5e8)
  return {
    'ring padded': padded?.energy_j ?? null,
    'ring alone': ring?.energy_j ?? null,
    'polled 186': polled(burst.begin_ns, burst.end_ns),
    counter:
      idle_before_w === null || idle_after_w === null
        ? null
        : (after[1] - before[1]) / 1e3 -
          (idle_before_w * (burst.begin_ns - before[0]) +
            idle_after_w * (after[0] - burst.end_ns)) /
            1e9,
    doubt: ring === null ? 0 : 2 * repeatable(ring.components),
  }
}

/** Mean watts of the ring in a span of idle time. */
function meanWatts(start_ns: number, end_ns: number): number | null {
  const span = { start_ns, end_ns, rule: 'marked' }
  const { estimates } = deviceEnergy(run, gpu?.device_id ?? '', span)
  const joules = estimates.find((e) => e.method === 'ring')?.energy_j ?? null
  return joules === null ? null : joules / ((end_ns - start_ns) / 1e9)
}

/** Trapezoid over polls every 100 ms, as one who polls would add them up: power held to the bounds. */
function polled(begin_ns: number, end_ns: number): number | null {
  let joules = 0
  let at = begin_ns
  let held: number | null = null
  for (const { t_ns, power_mw } of polls) {
    if (t_ns <= begin_ns) {
      held = power_mw
      continue
    }
    if (held === null) return null
    const to = Math.min(t_ns, end_ns)
    joules += (((held + power_mw) / 2 / 1e3) * (to - at)) / 1e9
    at = to
    held = power_mw
    if (t_ns >= end_ns) return joules
  }
  return null
}
