import { answersOf } from '../../analysis/requests/answer.ts'
import { e2eMs } from '../../analysis/requests/latency-values.ts'
import type { Reason } from '../../analysis/schema/reason.ts'
import { loadRun } from '../load-run.ts'
import { answersOfSet } from '../store/answers.ts'
import { findRun } from '../store/find-run.ts'
import type { Store } from '../store/open.ts'
import type { AnswerRow, RunRow } from '../store/tables.ts'
import type { Summaries } from '../summaries.ts'
import { AnswerError } from './answer-error.ts'

/** A stored answer to a prompt. */
export interface StoredAnswer {
  readonly prompt_sha256: string
  readonly prompt: string
  readonly output: string
  readonly request_id: string | null
  readonly e2e_s: number | null
  readonly e2e_reason: Reason | null
  readonly energy: Energy
}

export interface Energy {
  readonly energy_j: number | null
  readonly energy_low_j: number | null
  readonly energy_high_j: number | null
  readonly energy_reason: Reason | null
}

/** Answers of a run, or that were imported together. */
export interface AnswerSet {
  readonly set_id: string
  readonly run_id: string | null
  readonly model: string | null
  /** The stored run that they are of; null: imported without one. */
  readonly run: RunRow | null
  /** By prompt_sha256; where a prompt was asked twice, its first answer. */
  readonly answers: ReadonlyMap<string, StoredAnswer>
}

export interface AnswerSets {
  /**
   * The set that a reference names: a set that was imported, or RUN.
   * @throws AnswerError, RunNotFound, RunUnreadable
   */
  of(ref: string): Promise<AnswerSet>
  /** With joules, which need every reading of power of the run. */
  energyOf(set: AnswerSet, answer: StoredAnswer): Promise<Energy>
}

/** So many sets are kept at hand: a voter is shown pair after pair of the same few. */
const KEPT_SETS = 16

export function createAnswerSets(store: Store, summaries: Summaries): AnswerSets {
  const kept = new Map<string, AnswerSet>()
  return {
    async of(ref) {
      const imported = await answersOfSet(store.db, ref)
      // An import may add to a set at any time; a sealed run never changes.
      if (imported.length > 0) return importedSet(ref, imported)
      const row = await findRun(store.db, ref)
      const known = row.state === 'sealed' ? kept.get(row.run_id) : undefined
      const set = known ?? (await runSet(store, row))
      if (row.state === 'sealed') {
        kept.delete(row.run_id)
        kept.set(row.run_id, set)
        for (const oldest of [...kept.keys()].slice(0, -KEPT_SETS)) kept.delete(oldest)
      }
      return set
    },
    async energyOf({ run }, { request_id, energy }) {
      if (run === null || request_id === null) return energy
      const found = (await summaries.requestEnergies(run))(request_id)
      const { energy_j, energy_low_j, energy_high_j, energy_reason } = found
      return { energy_j, energy_low_j, energy_high_j, energy_reason }
    },
  }
}

async function runSet(store: Store, row: RunRow): Promise<AnswerSet> {
  const run = await loadRun(store, row, 'request')
  const answers = new Map<string, StoredAnswer>()
  for (const answer of answersOf(run)) {
    const { prompt_sha256, prompt_text, output_text, request_id } = answer.row
    if (!answer.measured || !answer.succeeded) continue
    if (prompt_sha256 == null || prompt_text == null || !output_text) continue
    if (answers.has(prompt_sha256)) continue
    const e2e = e2eMs(answer)
    answers.set(prompt_sha256, {
      ...{ prompt_sha256, prompt: prompt_text, output: output_text, request_id },
      e2e_s: typeof e2e === 'number' ? e2e / 1000 : null,
      e2e_reason: typeof e2e === 'number' ? null : e2e,
      energy: NOT_TOLD,
    })
  }
  if (answers.size === 0)
    throw new AnswerError(
      'no_answers',
      `Run ${row.run_id} holds no texts of answers. Record it with data.keep_answers: true, or import answers (docs/quality.md).`,
    )
  return { set_id: row.run_id, run_id: row.run_id, model: row.model, run: row, answers }
}

const NOT_TOLD: Energy = {
  energy_j: null,
  energy_low_j: null,
  energy_high_j: null,
  energy_reason: 'not_recorded',
}

function importedSet(set_id: string, rows: readonly AnswerRow[]): AnswerSet {
  const answers = rows.map(({ prompt_sha256, prompt, output, energy_j, e2e_ms }): StoredAnswer => {
    return {
      ...{ prompt_sha256, prompt, output, request_id: null },
      e2e_s: e2e_ms === null ? null : e2e_ms / 1000,
      e2e_reason: e2e_ms === null ? 'not_recorded' : null,
      energy: energy_j === null ? NOT_TOLD : { ...NOT_TOLD, energy_j, energy_reason: null },
    }
  })
  return {
    set_id,
    run_id: rows[0]?.run_id ?? null,
    model: rows[0]?.model ?? null,
    run: null,
    answers: new Map(answers.map((a) => [a.prompt_sha256, a])),
  }
}
