import type { Kysely } from 'kysely'
import { AI_ENERGY_SCORE } from '../../analysis/importers/ai-energy-score.ts'
import { resultOf } from './result-payload.ts'
import type { Tables } from './tables.ts'

export interface BoardEnergy {
  readonly model: string | null
  readonly class: string | null
  readonly energy_per_request_j: number
  readonly revision: string | null
}

/** Energies of the AI Energy Score board's models of one task that were imported. */
export async function boardEnergies(db: Kysely<Tables>, task: string): Promise<BoardEnergy[]> {
  const rows = await db
    .selectFrom('result')
    .select('payload')
    .where('source', '=', AI_ENERGY_SCORE)
    .where('kind', '=', 'board')
    .where('task', '=', task)
    .execute()
  return rows.map(resultOf).flatMap(({ model, setup, metrics, provenance }) => {
    const joules = metrics['energy_per_request_j']?.value ?? null
    const kind = setup['class']
    return joules === null
      ? []
      : [
          {
            model,
            class: typeof kind === 'string' ? kind : null,
            energy_per_request_j: joules,
            revision: provenance.revision,
          },
        ]
  })
}
