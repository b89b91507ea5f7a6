import type { Finding } from '../schema/finding.ts'
import { sum } from '../stats/moments.ts'
import { fieldsOf, type JsonObject } from './fields.ts'
import type { Content } from './importer.ts'
import { finding } from './tool-result.ts'

/** Each row is the mean of one GPU over one second. */
const BUCKET_S = 1
/** What the meter may miss the mean powers by; the first reading of a bucket may come a tenth of a second late. */
const SHARE = 0.05
/** From here on the sum holds a GPU's joules more than once: two processes that read all GPUs give twice. */
const TWICE = 1.5

type Table = Extract<Content, { form: 'table' }>

export const isTimeseries = (content: Content): content is Table =>
  content.form === 'table' &&
  ['timestamp_s', 'gpu_index', 'power_w', 'throttle_reasons'].every((name) =>
    content.columns.includes(name),
  )

/** Joules under the powers that lie beside a result, and of how many GPUs. */
export interface Beside {
  readonly gpus: number
  /** With the last bucket of each GPU whole, of which only its readings' part was measured. */
  readonly most_j: number
}

/** null: a power is missing or there are none, and a sum without it would be too low. */
export function energyBeside({ rows }: Table): Beside | null {
  const gpus = new Set<number>()
  const joules: number[] = []
  for (const row of rows) {
    const { whole, number } = fieldsOf(row).optional
    const [gpu, watts] = [whole('gpu_index'), number('power_w')]
    if (gpu === null || watts === null || watts < 0) return null
    gpus.add(gpu)
    joules.push(watts * BUCKET_S)
  }
  return gpus.size === 0 ? null : { gpus: gpus.size, most_j: sum(joules) }
}

/**
 * What the powers beside a result say of its joules. They are of the same GPUs, each once, over at least the time of the
 * meter, so that they can be too many and never too few.
 * @param gpus in use; null: not told
 * @returns a finding; `once`: its joules are in order; null: the powers are not of all GPUs, or lie between
 */
export function checkBeside(
  row: JsonObject,
  processes: number | null,
  gpus: number | null,
  beside: Beside,
): Finding | 'once' | null {
  const total_j = fieldsOf(row).optional.number('total_energy_j')
  if (total_j === null || gpus === null || beside.gpus < gpus || !(beside.most_j > 0)) return null
  const times = total_j / beside.most_j
  if (times <= 1 + SHARE) return 'once'
  const evidence = { processes, gpus: beside.gpus, total_energy_j: total_j, most_j: beside.most_j }
  const said = `The powers of ${beside.gpus} GPUs beside it make ${beside.most_j.toPrecision(4)} J at most, and it tells ${total_j.toPrecision(4)} J`
  if ((processes ?? 1) >= 2)
    return times < TWICE
      ? null
      : finding(
          'llem_double_count',
          'invalid',
          `${said}, ${times.toPrecision(3)} times as much: ${processes} processes were added up, of which each read several GPUs.`,
          evidence,
        )
  return finding(
    'energy_source_disagreement',
    'caution',
    `${said}, ${times.toPrecision(3)} times as much.`,
    evidence,
  )
}
