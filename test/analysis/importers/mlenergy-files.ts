import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Imported, ImportFile } from '../../../analysis/importers/importer.ts'
import { mlenergy } from '../../../analysis/importers/mlenergy.ts'
import { ROOT } from '../../support/root.ts'

export const BOARD = join(ROOT, 'test/fixtures/mlenergy')

export const jsonFile = (path: string, value: unknown): ImportFile => {
  const sha256 = createHash('sha256')
    .update(JSON.stringify(value) ?? '')
    .digest('hex')
  return { path, sha256, notes: [], content: { form: 'json', value } }
}

/** The published sample, parsed. */
export const published = (): ImportFile[] =>
  ['.', 'tasks', 'models'].flatMap((dir) =>
    readdirSync(join(BOARD, dir))
      .filter((name) => name.endsWith('.json'))
      .map((name) =>
        jsonFile(
          dir === '.' ? name : `${dir}/${name}`,
          JSON.parse(readFileSync(join(BOARD, dir, name), 'utf8')),
        ),
      ),
  )

export function read(files: readonly ImportFile[], revision: string | null = null): Imported {
  const reading = mlenergy.begin({ revision })
  for (const file of files) reading.take(file)
  return reading.done()
}

/** A row of a token task whose numbers fit one another. */
export const tokenRow = (change: Record<string, unknown> = {}): Record<string, unknown> => ({
  model_id: 'org/model',
  nickname: 'Model',
  architecture: 'Dense Transformer',
  total_params_billions: 8,
  activated_params_billions: 8,
  weight_precision: 'bfloat16',
  gpu_model: 'H100',
  num_gpus: 2,
  max_num_seqs: 16,
  tensor_parallel: 2,
  expert_parallel: 1,
  data_parallel: 1,
  energy_per_token_joules: 0.5,
  energy_per_request_joules: 100,
  avg_power_watts: 800,
  output_throughput_tokens_per_sec: 1600,
  avg_output_len: 200,
  median_itl_ms: 10,
  p90_itl_ms: 12,
  p95_itl_ms: 13,
  p99_itl_ms: 20,
  avg_batch_size: 15.5,
  ...change,
})

export const imageRow = (change: Record<string, unknown> = {}): Record<string, unknown> => ({
  model_id: 'org/painter',
  nickname: 'Painter',
  total_params_billions: 2,
  activated_params_billions: 2,
  weight_precision: 'bfloat16',
  gpu_model: 'B200',
  num_gpus: 2,
  batch_size: 4,
  inference_steps: 20,
  ulysses_degree: 2,
  ring_degree: 1,
  image_height: 1024,
  image_width: 1024,
  avg_power_watts: 1000,
  batch_latency_s: 2,
  energy_per_image_joules: 500,
  throughput_images_per_sec: 2,
  ...change,
})

export const task = (rows: unknown, name = 'gpqa'): ImportFile =>
  jsonFile(`tasks/${name}.json`, {
    task: name,
    task_display_name: name.toUpperCase(),
    configurations: rows,
  })
