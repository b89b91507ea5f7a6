import type { Finding } from '../schema/finding.ts'
import { instantOrNaN } from '../schema/instant.ts'
import type { JsonObject } from './fields.ts'
import { at, finding, numberAt, textAt } from './tool-result.ts'

/** Energies of processes that read the same GPUs differ by when each began and ended. */
const EQUAL_SHARE = 0.05
/** Rated watts of a GPU whose name holds this. */
const TDP_W: readonly (readonly [string, number])[] = [
  ['B200', 1000],
  ['H200', 700],
  ['H100 PCIe', 350],
  ['H100', 700],
  ['A100-PCIE-40GB', 250],
  ['A100-PCIE', 300],
  ['A100 80GB PCIe', 300],
  ['A100', 400],
  ['L40S', 350],
  ['L4', 72],
]
const TDP_FACTOR = 1.05
const TOKEN_TOLERANCE = 1e-6

/** How many processes were added up; null: the file tells of none. */
export const processesOf = (row: JsonObject): number | null => {
  const told = numberAt(row, 'aggregation', 'num_processes')
  return told !== null && Number.isSafeInteger(told) && told > 0 ? told : null
}

/** GPUs in use, as far as configuration and processes tell. */
export function gpusUsed(row: JsonObject): number | null {
  const config = at(row, 'effective_config')
  const list = [at(config, 'gpus'), at(config, 'gpu_ids'), at(row, 'energy_per_device_j')].find(
    (v) => Array.isArray(v) && v.length > 0,
  )
  const counts = [
    numberAt(row, 'multi_gpu', 'num_gpus'),
    Array.isArray(list) ? list.length : null,
    numberAt(config, 'num_processes'),
    numberAt(config, 'tensor_parallel_size'),
    numberAt(config, 'vllm', 'tensor_parallel_size'),
    processesOf(row),
  ].filter((n): n is number => n !== null && Number.isSafeInteger(n) && n > 0)
  return counts.length === 0 ? null : Math.max(...counts)
}

/**
 * Several processes whose energies were added up. Each read all GPUs in old versions, so that the sum is about as many
 * times too high: seen by equal joules, or by more watts of a process than one GPU draws. Unique GPU numbers tell nothing.
 * Joules are seldom equal, since each process counts its own time: of 89 recorded runs one, and all 89 by their watts.
 */
export function doubleCount(row: JsonObject): Finding | null {
  const processes = processesOf(row)
  if (processes === null || processes < 2) return null
  const wall_s = secondsOf(row)
  const shares = sharesOf(row, wall_s)
  const total = numberAt(row, 'total_energy_j')
  const each = shares.map((s) => s.energy_j)
  const [least, most] = [Math.min(...each), Math.max(...each)]
  if (each.length >= 2 && least > 0 && (most - least) / most <= EQUAL_SHARE)
    return finding(
      'llem_double_count',
      'invalid',
      `The ${each.length} processes tell ${least.toPrecision(5)} to ${most.toPrecision(5)} J, the same within ${100 * EQUAL_SHARE} %: each read all GPUs, so that their sum counts them ${each.length} times.`,
      { processes, energy_j: each },
    )
  const rated = ratedWatts(row)
  const mean = { energy_j: total === null ? null : total / processes, seconds: wall_s }
  const watts = (each.length > 0 ? shares : [mean]).flatMap(({ energy_j, seconds }) =>
    energy_j === null || seconds === null ? [] : [energy_j / seconds],
  )
  const most_w = Math.max(...watts)
  if (rated !== null && most_w > TDP_FACTOR * rated)
    return finding(
      'llem_double_count',
      'invalid',
      `A process tells ${most_w.toPrecision(4)} W, more than one GPU's rated ${rated} W: it read several, which others counted too.`,
      { processes, power_w: most_w, rated_w: rated },
    )
  if (rated !== null && each.length >= 2 && watts.length === each.length) return null
  const unknown =
    each.length < 2
      ? "the file doesn't tell them apart"
      : "the file doesn't tell what one GPU draws at most, or over which seconds"
  return finding(
    'llem_double_count',
    'caution',
    `The energies of ${processes} processes were added up and ${unknown}: if each read all GPUs, the sum is up to ${processes} times too high. Measure it again, or look at the raw files of the processes.`,
    { processes, energy_over_processes_j: total === null ? null : total / processes },
  )
}

/** What each process tells, over its own seconds, else those of all. */
function sharesOf(
  row: JsonObject,
  wall_s: number | null,
): { readonly energy_j: number; readonly seconds: number | null }[] {
  const list = row['process_results']
  if (!Array.isArray(list)) return []
  return list.flatMap((p) => {
    const energy_j =
      numberAt(p, 'energy_metrics', 'gpu_energy_j') ??
      numberAt(p, 'energy_metrics', 'total_energy_j')
    const own_s =
      numberAt(p, 'energy_metrics', 'duration_sec') ?? numberAt(p, 'timestamps', 'duration_sec')
    const seconds = own_s !== null && own_s > 0 ? own_s : wall_s
    return energy_j === null ? [] : [{ energy_j, seconds }]
  })
}

/** Wall seconds from first start to last end; the summed time of processes is none. */
function secondsOf(row: JsonObject): number | null {
  // Its times are local without a zone: as UTC, so that no change of the clocks here falls between them.
  const [start, end] = [textAt(row, 'start_time'), textAt(row, 'end_time')].map((t) =>
    t === null ? Number.NaN : instantOrNaN(/(Z|[+-]\d\d:?\d\d)$/.test(t) ? t : `${t}Z`),
  ) as [number, number]
  return end > start ? (end - start) / 1000 : null
}

/** Of its own record of the GPU, else by the GPU's name. */
function ratedWatts(row: JsonObject): number | null {
  const told = numberAt(
    row,
    ...['environment_snapshot', 'hardware', 'thermal', 'default_power_limit_w'],
  )
  if (told !== null && told > 0) return told
  const name = gpuName(row)
  return (name === null ? undefined : TDP_W.find(([part]) => name.includes(part))?.[1]) ?? null
}

export function gpuName(row: JsonObject): string | null {
  const list = row['process_results']
  const environment = at(row, 'environment_snapshot')
  return (
    textAt(environment, 'hardware', 'gpu', 'name') ??
    textAt(environment, 'gpu', 'name') ??
    (Array.isArray(list) ? textAt(list[0], 'gpu_name') : null)
  )
}

/** Several GPUs, one meter: the current code reads the first GPU alone unless it tells each device. */
export function gpu0Only(row: JsonObject): Finding | null {
  const gpus = gpusUsed(row)
  const devices = row['energy_per_device_j']
  if (gpus === null || gpus < 2 || (processesOf(row) ?? 1) > 1) return null
  if (Array.isArray(devices) && devices.length >= gpus) return null
  return finding(
    'llem_gpu0_only',
    'invalid',
    `It ran on ${gpus} GPUs and holds the energy of one: its joules are about ${gpus} times too low.`,
    { gpus, devices: Array.isArray(devices) ? devices.length : null },
  )
}

/** Which tokens its joules per token are of, where it tells both kinds. */
export function denominator(row: JsonObject): Finding | null {
  const told = numberAt(row, 'avg_energy_per_token_j')
  const total_j = numberAt(row, 'total_energy_j')
  if (told === null || total_j === null || told === 0) return null
  const output = numberAt(row, 'output_tokens')
  const input = numberAt(row, 'input_tokens')
  const near = (tokens: number) => Math.abs(total_j / tokens / told - 1) <= TOKEN_TOLERANCE
  if (output !== null && output > 0 && (near(output) || (input !== null && near(input + output))))
    return null
  const tokens = total_j / told
  return finding(
    'llem_denominator',
    'info',
    `Its ${told.toPrecision(4)} J/token divide by ${Math.round(tokens)} tokens, and the file doesn't tell whether these are output tokens (one process) or prompt and output together (several): no joules per output token can be had.`,
    { tokens, total_tokens: numberAt(row, 'total_tokens') },
  )
}
