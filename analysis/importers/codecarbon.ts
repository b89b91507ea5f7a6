import type { ResultMetric } from '../schema/result.ts'
import { type CodecarbonRow, codecarbonRow, isCodecarbon } from './codecarbon-row.ts'
import { createCollector } from './collector.ts'
import { eachFile, type Importer } from './importer.ts'
import { resultMetric } from './result-metric.ts'
import { keep, toolResult } from './tool-result.ts'

const SOURCE = 'codecarbon'
const FIELDS: Readonly<Record<string, string>> = {
  gpu_energy: 'energy_gpu_j',
  gpu_count: 'num_gpus',
  gpu_model: 'gpu_model',
  project_name: 'name',
  task_name: 'setup',
  country_iso_code: 'setup',
  tracking_mode: 'setup',
  pue: 'energy_gpu_j',
}

/**
 * CodeCarbon's `emissions.csv`, a row a run, and its file of tasks, a row a task. Its energies hold its PUE, which is
 * taken out; only those of GPUs are measured for certain, since the file doesn't tell whether its CPU was.
 */
export const codecarbon: Importer = {
  name: SOURCE,
  title: 'CodeCarbon emissions.csv, of runs and of tasks',
  detect: ({ content }) => content.form === 'csv' && isCodecarbon(content.header),
  begin: eachFile((file, options) => {
    const out = createCollector()
    const { content } = file
    if (content.form !== 'csv') {
      out.lost(file.path, null, 'is no CSV')
      return out.done([])
    }
    const fields = Object.fromEntries(
      content.header.map((k) => [k, Object.hasOwn(FIELDS, k) ? (FIELDS[k] as string) : null]),
    )
    for (const [at, cells] of content.rows.entries()) {
      const row = codecarbonRow(content.header, cells)
      if (row === null) {
        out.lost(
          file.path,
          at,
          `is shifted: it has ${cells.length} values for ${content.header.length} names, so that values stand under wrong names`,
        )
        continue
      }
      const { tracking_mode = '' } = row.cells
      const result = toolResult(file, options, {
        source: SOURCE,
        itself: row.cells,
        row: at,
        name: row.project_name,
        gpu_model: gpuModel(row.gpu_model),
        num_gpus: row.gpu_count,
        setup: {
          task_name: row.task_name,
          country_iso_code: row.country_iso_code,
          region: row.region,
          tracking_mode: tracking_mode === '' ? null : tracking_mode,
        },
        metrics: metricsOf(row),
        foreign: {
          ...Object.fromEntries(
            Object.entries(row.cells).map(([k, v]) => [`cc.${k}`, v === '' ? null : v]),
          ),
          'cc.cpu_energy_without_pue_j': row.cpu_j,
          'cc.ram_energy_without_pue_j': row.ram_j,
          'cc.implied_g_per_kwh': row.g_per_kwh,
        },
        notes: [
          'its time stamp is the end, in local time without a zone',
          ...(content.header.includes('pue')
            ? []
            : ['this layout does not tell its PUE: energies hold one where it was set']),
          'memory is modelled by its size, and the CPU too where its counter can’t be read; neither is taken as measured',
          ...(row.country_iso_code === 'CAN' && row.region === 'quebec'
            ? [
                'Canada, Quebec is what it takes where it can’t find its place: its emissions may be of another grid',
              ]
            : []),
        ],
      })
      keep(out, codecarbon.detect(file), result, row.faults, fields)
    }
    return out.done([
      'tokens and requests, so nothing per token',
      'which of its energies are measured and which modelled',
      'year, basis and source of its emission factor',
    ])
  }),
}

function metricsOf(row: CodecarbonRow): Record<string, ResultMetric> {
  // It writes 0 for a GPU that it can't read, and where there is none.
  const gpu_j = row.gpu_j === 0 ? null : row.gpu_j
  const beside = { window: row.task_name === null ? 'run' : 'task', provenance: 'codecarbon' }
  return {
    energy_gpu_j: resultMetric('energy_gpu_j', gpu_j, {
      ...beside,
      reason: row.gpu_count === 0 ? 'no_device' : 'not_recorded',
    }),
    energy_host_j: resultMetric('energy_host_j', null, { ...beside, reason: 'estimate_only' }),
  }
}

/** `2 x NVIDIA H100` is two of one model; several models are told in one text, and stay so. */
const gpuModel = (told: string | null): string | null =>
  (told === null ? undefined : /^\d+ x ([^|]+)$/.exec(told)?.[1]?.trim()) ?? told
