// Carbon and money of the same joules by CodeCarbon, Zeus and `llem-server cost`, and where the differences come from.
// Needs a Python with codecarbon 3.3.2 and zeus 0.16.0; no network, no GPU.
// Run: npx tsx bench/peer-cost/compare.ts --python /path/to/python3 [--record test/fixtures/peer-cost.json]
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { decodeRun } from '../../analysis/readings/decode-run.ts'
import { instantMs, instantText } from '../../analysis/schema/instant.ts'
import type { ScenarioInput } from '../../analysis/schema/scenario.ts'
import { UJ_PER_J } from '../../analysis/schema/units.ts'
import { readBundle } from '../../server/bundle/read-bundle.ts'
import { timelineFor } from '../../server/cost-view.ts'
import { scenarioOf } from '../../test/analysis/cost/cost-support.ts'
import {
  ourLedger,
  ourMoney,
  type PeerFigures,
  type PeerTask,
  peerCostSchema,
  peerFiguresSchema,
  type SpanName,
} from '../../test/support/peer-cost.ts'
import { ROOT } from '../../test/support/root.ts'

const BUNDLE = 'test/fixtures/bundles/h100-torch-llama.tar.gz'
/** Fifteen seconds before an hour of UTC at which the rate changes. */
const STORED_FROM = '2026-07-14T15:59:45Z'
/** A Friday; the clocks of Los Angeles are set back on Sunday 1 November, when winter prices begin. */
const DAYS_FROM = '2026-10-30T00:00:00Z'
const DAYS_HOURS = 84

const { values } = parseArgs({
  options: { python: { type: 'string', default: 'python3' }, record: { type: 'string' } },
})
const dir = mkdtempSync(join(tmpdir(), 'peer-cost-'))
try {
  const task = taskOf()
  const peers = peersOf(task)
  if (values.record !== undefined) {
    const recorded_at = new Date().toISOString().slice(0, 10)
    const source = `bench/peer-cost/compare.ts; stored_run is ${BUNDLE}, as if begun at ${STORED_FROM}`
    const kept = peerCostSchema.parse({ recorded_at, source, task, peers })
    writeFileSync(values.record, `${JSON.stringify(kept, null, 1)}\n`)
  }
  await printCarbon(task, peers)
  for (const span of ['stored_run', 'four_days'] as const) await printZeus(task, peers, span)
} finally {
  rmSync(dir, { recursive: true })
}

function taskOf(): PeerTask {
  return {
    pue: 1.2,
    wue_l_per_kwh: 0.5,
    readings: { stored_run: storedRun(), four_days: fourDays() },
    tz: 'America/Los_Angeles',
    rate: rate(),
    series: Array.from({ length: 24 + DAYS_HOURS + 1 }, (_, i) => {
      // A day of July around the stored run, then the four days.
      const begin = i < 24 ? '2026-07-14T00:00:00Z' : DAYS_FROM
      const hour = i < 24 ? i : i - 24
      const at = (h: number) => instantText(instantMs(begin) + h * 3_600_000)
      return { from: at(hour), to: at(hour + 1), g_per_kwh: 90 + ((i * 37) % 310) }
    }),
    places: {
      germany: { zone: 'DE', ember: 'DEU', codecarbon: { country_iso_code: 'DEU' } },
      france: { zone: 'FR', ember: 'FRA', codecarbon: { country_iso_code: 'FRA' } },
      poland: { zone: 'PL', ember: 'POL', codecarbon: { country_iso_code: 'POL' } },
      california: {
        zone: 'US-CAL-CISO',
        ember: null,
        codecarbon: { country_iso_code: 'USA', region: 'california' },
      },
      own_factor: {
        zone: 'DE',
        ember: null,
        codecarbon: { country_iso_code: 'DEU', force_carbon_intensity_g_co2e_kwh: 400 },
      },
    },
  }
}

/** Joules of the GPU between the hours, as `llem-server cost --hour` cuts them. */
function storedRun(): PeerTask['readings']['stored_run'] {
  execFileSync('tar', ['-xzf', join(ROOT, BUNDLE), '-C', dir])
  const read = readBundle(join(dir, 'b'))
  const chunks = read.chunks.map((c) => ({ ...c, bytes: c.read() }))
  const run = decodeRun(read.run.file, chunks)
  const timeline = timelineFor(run, scenarioOf(), { span: 'window', hour: STORED_FROM })
  return timeline.intervals.map(({ from, to, energies }) => {
    const uj = energies.gpu?.energy_uj
    if (from === null || to === null || uj == null) throw new Error('The bundle tells no energy.')
    return { from, to, joules: Number(uj) / UJ_PER_J }
  })
}

/** Fifty minutes each, so that hours fall into readings. */
function fourDays(): PeerTask['readings']['four_days'] {
  const at = (i: number) => instantText(instantMs(DAYS_FROM) + i * 3_000_000)
  return Array.from({ length: Math.ceil((DAYS_HOURS * 60) / 50) }, (_, i) => ({
    from: at(i),
    to: at(i + 1),
    joules: (400 + 25 * ((i * 7) % 13)) * 3000,
  }))
}

/** A made-up rate of the US Utility Rate Database: three prices on weekdays, two at weekends, cheaper from November. */
function rate(): PeerTask['rate'] {
  const day = (month: number, weekday: boolean) => {
    const winter = month < 4 || month > 9 ? 3 : 0
    return Array.from(
      { length: 24 },
      (_, h) => winter + (h >= 8 && h < 16 ? 0 : weekday && h >= 16 && h < 21 ? 2 : 1),
    )
  }
  const months = (weekday: boolean) => Array.from({ length: 12 }, (_, m) => day(m, weekday))
  const prices = [0.08, 0.14, 0.31, 0.07, 0.11, 0.19]
  return {
    label: 'made-up-tou',
    name: 'made up, by the time of use',
    startdate: 1_767_225_600,
    energyratestructure: prices.map((p) => [{ rate: p, adj: 0.012, unit: 'kWh' }]),
    energyweekdayschedule: months(true),
    energyweekendschedule: months(false),
  }
}

function peersOf(task: PeerTask): PeerFigures {
  const out = join(dir, 'peers.json')
  execFileSync(values.python, [join(ROOT, 'bench/peer-cost/peers.py'), out], {
    input: JSON.stringify(task),
    stdio: ['pipe', 'ignore', 'inherit'],
  })
  return peerFiguresSchema.parse(JSON.parse(readFileSync(out, 'utf8')))
}

function row(name: string, ours: number, theirs: number): void {
  const off = ours / theirs - 1
  const text = Math.abs(off) < 1e-4 ? off.toExponential(1) : `${(100 * off).toFixed(1)} %`
  console.log(`${name.padEnd(44)} ${ours.toPrecision(7).padStart(12)} ${text.padStart(10)}`)
}

async function printCarbon(task: PeerTask, peers: PeerFigures): Promise<void> {
  const { pue, wue_l_per_kwh } = task
  for (const [name, place] of Object.entries(task.places)) {
    const theirs = peers.codecarbon[name]
    if (theirs === undefined) throw new Error(`CodeCarbon does not tell ${name}.`)
    const under = (intensity: ScenarioInput['intensity'], more: Partial<ScenarioInput> = {}) =>
      ourLedger(task, 'stored_run', { pue, ...more, intensity })
    console.log(
      `\nCodeCarbon ${peers.versions.codecarbon}, ${name}: ${theirs.emissions_g.toPrecision(7)} g at ${theirs.g_per_kwh.toPrecision(6)} g/kWh`,
    )
    const factor = { value: theirs.g_per_kwh, source: 'CodeCarbon' }
    const same = await under({ factor }, { wue: { site_l_per_it_kwh: wue_l_per_kwh } })
    row('its factor', same('co2_location'), theirs.emissions_g)
    row('  energy', same('energy'), theirs.energy_kwh)
    row('  water', same('water_site'), theirs.water_l)
    for (const year of [2023, 2025]) {
      const there = await under({ zone: place.zone, year })
      row(`zone ${place.zone}, ${year}`, there('co2_location'), theirs.emissions_g)
    }
    if (place.ember === null) continue
    const ember = await under({ zone: place.ember })
    row(`zone ${place.ember} (Ember)`, ember('co2_location'), theirs.emissions_g)
  }
}

async function printZeus(task: PeerTask, peers: PeerFigures, span: SpanName): Promise<void> {
  const theirs = peers.zeus[span]
  console.log(`\nZeus ${peers.versions.zeus}, ${span}: ${theirs.cost.toPrecision(7)} USD`)
  for (const tz of ['UTC', task.tz])
    for (const adj of [false, true])
      row(
        `hours of ${tz}, ${adj ? 'with' : 'without'} adj`,
        await ourMoney(task, span, { tz, adj }),
        theirs.cost,
      )
  const local = await ourMoney(task, span, { tz: task.tz, adj: false })
  row('  beside Zeus with its clock in that zone', local, theirs.cost_local)
  const series = { source: 'made up', rows: task.series }
  const carbon = await ourLedger(task, span, { pue: 1, intensity: { series } })
  console.log(`Zeus, ${span}: ${theirs.emissions_g.toPrecision(7)} g`)
  row('the same series', carbon('co2_location'), theirs.emissions_g)
}
