import { HttpProblem } from './problem.ts'
import type { ChunkResult } from './store/chunk-storer.ts'
import type { SealResult } from './store/seal.ts'

export const unknownRun = (run_id: string) =>
  new HttpProblem(
    404,
    'unknown_run',
    `There is no run ${run_id}. POST its run.json to /runs first.`,
  )
export const sealedRun = (run_id: string) =>
  new HttpProblem(
    409,
    'run_sealed',
    `Run ${run_id} is sealed: it takes no change of its rows or its run.json.`,
  )

export function notStored(
  result: Exclude<ChunkResult, 'stored' | 'same'>,
  at: { run_id: string; process_id: string; stream: string; seq: number },
): HttpProblem {
  if (result === 'no_run') return unknownRun(at.run_id)
  if (result === 'sealed') return sealedRun(at.run_id)
  if (result === 'no_process')
    return new HttpProblem(
      404,
      'unknown_process',
      `Run ${at.run_id} has no process ${at.process_id}. PUT a run.json that names it first.`,
    )
  return new HttpProblem(
    409,
    'chunk_conflict',
    `Chunk ${at.process_id}/${at.stream}/${at.seq} of run ${at.run_id} is stored with other bytes (SHA-256 ${result.conflict}); it stays as it is.`,
  )
}

export function notSealed(
  result: Exclude<SealResult, 'sealed' | 'same'>,
  run_id: string,
  outcome: string,
): HttpProblem {
  if (result === 'no_run') return unknownRun(run_id)
  if (result === 'other_seal')
    return new HttpProblem(
      409,
      'sealed_otherwise',
      `Run ${run_id} was sealed in another way before; it stays so.`,
    )
  if ('outcome_in_run' in result)
    return new HttpProblem(
      409,
      'outcome_differs',
      `The seal says ${outcome}, run.json of ${run_id} says ${result.outcome_in_run}; PUT a run.json that agrees first.`,
    )
  const { missing, surplus } = result
  const place = (c: { process_id: string; stream: string; seq: number }) =>
    `${c.process_id}/${c.stream}/${c.seq}`
  const errors = [
    ...missing.map((c) => ({ path: place(c), message: 'is missing' })),
    ...surplus.map((c) => ({ path: place(c), message: 'is stored, but not counted by the seal' })),
  ]
  const [first] = errors
  const code = missing.length > 0 ? 'chunks_missing' : 'chunks_surplus'
  return new HttpProblem(
    409,
    code,
    `Run ${run_id} is not sealed: chunk ${first?.path} ${first?.message}${errors.length > 1 ? `, and ${errors.length - 1} more` : ''}. Send what is missing, then seal again.`,
    { errors },
  )
}
