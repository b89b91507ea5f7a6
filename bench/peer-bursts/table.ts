// What bursts.py recorded, as a table: the error of each tool's single bursts against the mean of many by two sources,
// the padded ring and the counter between its steps, at each burst's temperature.
// Run: npx tsx bench/peer-bursts/table.ts BUNDLE BURSTS.ndjson
import { readFileSync } from 'node:fs'
import { nearestRank, percentile } from '../../analysis/stats/percentile.ts'
import {
  ownScatter,
  type RecordedBurst,
  readBursts,
  type Told,
} from '../../test/support/recorded-bursts.ts'

const [bundle, file] = process.argv.slice(2)
if (bundle === undefined || file === undefined) {
  console.error('Give the bundle and the lines of bursts.py: table.ts OUT bursts.ndjson')
  process.exit(2)
}
const polls = readFileSync(`${file}.polls`, 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as { readonly t_ns: number; readonly power_mw: number })

const FORMS: Readonly<Record<string, (b: RecordedBurst) => number | null>> = {
  'ring padded': (b) => b.padded?.energy_j ?? null,
  counter: (b) => b.own_counter_j,
  'ring alone': (b) => b.alone?.energy_j ?? null,
  'polled 186': (b) => polled(b.begin_ns, b.end_ns),
}
const TOOLS = ['zeus', 'codecarbon', 'llenergymeasure']

console.log('error of single bursts, %: median (least..most), [95 % within]; by the mean of many')
for (const kind of readBursts(bundle, file).kinds) {
  const { bursts, ring_j, counter_j, per_c } = kind
  const row = (
    name: string,
    of: (b: RecordedBurst) => number | null,
    truth = (b: RecordedBurst) => b.reference_j,
  ) => {
    const errors = bursts.flatMap((b) => {
      const joules = of(b)
      return joules === null ? [] : [100 * (joules / truth(b) - 1)]
    })
    console.log(`  ${name.padEnd(24)} ${spread(errors)}`)
  }
  const warmth = per_c === null ? '' : `; ${(100 * per_c).toFixed(2)} % a degree taken out`
  console.log(
    `\n${kind.load} ${kind.length_ms} ms: ${bursts.length} bursts, ${((ring_j + counter_j) / 2).toFixed(1)} J; ` +
      `counter against ring ${(100 * (counter_j / ring_j - 1)).toFixed(2)} %${warmth}`,
  )
  for (const [name, of] of Object.entries(FORMS)) row(name, of)
  for (const tool of TOOLS) row(tool, (b) => (b.tool === tool ? b.energy_j : null))
  row('ring to its counter', FORMS['ring padded'] as (typeof FORMS)[string], (b) => b.own_counter_j)
  const [ring_u, counter_u] = ownScatter(
    bursts.flatMap((b) =>
      b.padded === null ? [] : [[b.padded.energy_j, b.own_counter_j] as const],
    ),
  )
  console.log(
    `  own scatter (standard): ring ${ring_u.toFixed(2)} J, counter ${counter_u.toFixed(2)} J`,
  )
  for (const form of ['padded', 'alone'] as const) {
    const held = bursts.filter(
      ({ [form]: t, own_counter_j }) => t !== null && holds(t, own_counter_j),
    )
    console.log(
      `  ${form}: the counter's ${held.length} of ${bursts.length} within its stated range`,
    )
  }
}

function holds({ energy_j, doubt_j }: Told, truth_j: number): boolean {
  return Math.abs(energy_j - truth_j) <= doubt_j
}

function spread(errors: readonly number[]): string {
  if (errors.length === 0) return '-'
  const at = (p: number) => (percentile(errors, p) as number).toFixed(1)
  const most = nearestRank(errors.map(Math.abs), 0.95) as number
  return `${at(0.5)} (${at(0)}..${at(1)}) [${most.toFixed(2)}] n ${errors.length}`
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
