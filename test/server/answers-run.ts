import { createHash } from 'node:crypto'
import { encodeChunk } from '../../analysis/schema/arrow.ts'
import { toJson } from '../../analysis/schema/json.ts'
import type { RunFileInput } from '../../analysis/schema/run.ts'
import { requestRows, sampleRows, sampleRunFile, sealOf } from './sample-run.ts'
import { putChunk, register, seal } from './served.ts'

export const sha = (text: string): string => createHash('sha256').update(text).digest('hex')

/** A run that kept its answers: its i-th request was asked the i-th of `prompts`. */
export async function sendAnswers(
  api: string,
  run_id: string,
  shape: { model: string; watts: number; prompts: readonly (string | undefined)[]; says: string },
): Promise<void> {
  const { model, watts, prompts, says } = shape
  const file = sampleRunFile({ run_id, model })
  const own: RunFileInput = {
    ...file,
    run: {
      ...file.run,
      experiment: {
        ...(file.run.experiment as Record<string, unknown>),
        data: { source: 'synthetic', keep_answers: true },
      },
    },
  }
  const requests = requestRows().map((row, i) => {
    const prompt = prompts[i]
    if (prompt === undefined) return row
    return {
      ...row,
      prompt_sha256: sha(prompt),
      prompt_text: prompt,
      output_text: `${says} to ${prompt}`,
    }
  })
  const samples = sampleRows(0, 30).map((r) => ({
    ...r,
    value: r.value === 300_000 ? watts * 1000 : (r.value ?? null),
  }))
  const chunks = [
    { process_id: 'p0', stream: 'sample' as const, seq: 0, bytes: encodeChunk('sample', samples) },
    {
      process_id: 'p0',
      stream: 'request' as const,
      seq: 0,
      bytes: encodeChunk('request', requests),
    },
  ]
  for (const answer of [
    await register(api, toJson(own)),
    ...(await Promise.all(chunks.map((c) => putChunk(api, run_id, c)))),
    await seal(api, run_id, sealOf(chunks)),
  ])
    if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`)
}
