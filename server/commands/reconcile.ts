import {
  type Reconciliation,
  reconcileCodecarbon,
} from '../../analysis/cost/codecarbon-reconcile.ts'
import {
  type CodecarbonRow,
  codecarbonRow,
  isCodecarbon,
} from '../../analysis/importers/codecarbon-row.ts'
import { parseCsv } from '../../analysis/importers/csv.ts'
import { toJson } from '../../analysis/schema/json.ts'
import { type CodecarbonPlace, codecarbonView } from '../codecarbon.ts'
import { CommandError } from '../command-error.ts'
import { readText } from '../read-file.ts'
import { namedRun } from './named-run.ts'
import { numberText } from './number-text.ts'
import { columns } from './runs.ts'
import { validityLines } from './validity-lines.ts'
import { isoNow, printLine, summariesFor, withStore } from './with-store.ts'

export interface ReconcileCommand extends CodecarbonPlace {
  readonly db: string
  readonly json: boolean
  /** Row of the file, from 1; undefined: its only one. */
  readonly row: string | undefined
  readonly span: 'window' | 'recorded'
}

/** From our energy and emissions of a run to those of a row of CodeCarbon's file, line by line. */
export async function reconcile(
  ref: string,
  path: string,
  options: ReconcileCommand,
): Promise<void> {
  const theirs = readRow(path, options.row)
  await withStore(options.db, { create: false }, async (store) => {
    const { db: _, json, row: __, span, ...place } = options
    const row = await namedRun(store, ref)
    const view = await codecarbonView(summariesFor(store), row, place, span, isoNow().slice(0, 10))
    const { gpu, cpu, ram } = view.parts
    const found = reconcileCodecarbon(theirs, {
      energy_j: { gpu: gpu.energy_j, cpu: cpu.energy_j, ram: ram.energy_j },
      pue: view.pue,
      g_per_kwh: view.factor?.g_per_kwh ?? null,
    })
    if (found === null)
      throw new CommandError(
        1,
        `The row of ${path} tells no energy_consumed; there is nothing to reconcile.`,
      )
    const seconds = { ours_s: view.cells.duration, theirs_s: theirs.duration_s }
    const { validity } = view
    if (json) return printLine(toJson({ run_id: row.run_id, ...seconds, ...found, validity }, 2))
    for (const line of [...reconcileText(found, seconds), ...validityLines(validity)])
      printLine(line)
  })
}

function readRow(path: string, wanted: string | undefined): CodecarbonRow {
  const csv = parseCsv(readText(path, 'csv'))
  if (csv === null || !isCodecarbon(csv.header))
    throw new CommandError(
      1,
      `${path} is no emissions.csv of CodeCarbon: its header must hold duration, emissions, energy_consumed, cpu_energy, gpu_energy and ram_energy.`,
    )
  const at = wanted === undefined ? 1 : Number(wanted)
  if (wanted === undefined && csv.rows.length !== 1)
    throw new CommandError(
      2,
      `${path} has ${csv.rows.length} rows. Say which: --row 1 to ${csv.rows.length}.`,
    )
  const cells = Number.isInteger(at) ? csv.rows[at - 1] : undefined
  if (cells === undefined)
    throw new CommandError(2, `--row is ${wanted}; ${path} has rows 1 to ${csv.rows.length}.`)
  const row = codecarbonRow(csv.header, cells)
  if (row === null)
    throw new CommandError(
      1,
      `Row ${at} of ${path} is shifted: it has ${cells.length} values for ${csv.header.length} names, so that values stand under wrong names. Correct it, or take another row.`,
    )
  return row
}

function reconcileText(
  found: Reconciliation,
  seconds: { ours_s: unknown; theirs_s: number | null },
): string[] {
  const wh = (kwh: number) => `${numberText(kwh * 1000)} Wh`
  const g = (grams: number | null) => (grams === null ? '' : `${numberText(grams)} g`)
  const second = (s: unknown) => (typeof s === 'number' ? `${numberText(s)} s` : 'seconds not told')
  return columns([
    ['', 'energy', 'emissions', ''],
    ['ours', wh(found.ours_kwh), g(found.ours_g), second(seconds.ours_s)],
    ...found.lines.map((l) => [
      l.line,
      `${l.delta_kwh < 0 ? '' : '+'}${wh(l.delta_kwh)}`,
      l.delta_g === null ? '' : `${l.delta_g < 0 ? '' : '+'}${g(l.delta_g)}`,
      l.words,
    ]),
    ['CodeCarbon', wh(found.theirs_kwh), g(found.theirs_g), second(seconds.theirs_s)],
  ])
}
