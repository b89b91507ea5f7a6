import { gzipSync } from 'node:zlib'
import { type AnswerLine, answerLineSchema } from '../../analysis/schema/quality.ts'
import { badFields } from '../bad-field.ts'
import type { GivenFile } from '../results/files.ts'
import { type ParsedFile, parseFile } from '../results/parse-file.ts'
import { writeAudit } from '../store/audit.ts'
import type { Store } from '../store/open.ts'
import { sha256 } from '../store/sha256.ts'
import type { AnswerRow } from '../store/tables.ts'
import { AnswerError } from './answer-error.ts'

export interface ReadAnswers {
  readonly name: string
  readonly file_sha256: string
  readonly bytes: Uint8Array
  readonly answers: readonly (AnswerLine & { readonly line: number })[]
}

type Line = { readonly line: number; readonly value: unknown }

/**
 * A file of answers, a JSON object a line, read whole before anything is stored.
 * @returns null where it is none by its content, unless `forced`
 * @throws AnswerError with the line and the field
 */
export function readAnswers(given: GivenFile, forced: boolean): ReadAnswers | null {
  const raw = given.read()
  if (!forced && !startsLikeAnswer(raw)) return null
  const parsed = parseFile({ path: given.path, read: () => raw })
  const lines = linesOf(parsed)
  if (!forced && !(lines.length > 0 && looksLikeAnswer(lines[0]?.value))) return null
  if (typeof parsed.file === 'string')
    throw refused(`${parsed.path} ${parsed.file}; answers come as one JSON object a line`)
  if (lines.length === 0) throw refused(`${parsed.path} holds no line of JSON`)
  const answers = lines.map(({ line, value }) => {
    const found = answerLineSchema.safeParse(value, { reportInput: true })
    if (found.success) return { ...found.data, line }
    const faults = badFields(found.error.issues).map((f) => `${f.path || 'it'} ${f.message}`)
    throw refused(`${parsed.path}, line ${line}: ${faults.join('; ')}`)
  })
  const places = new Map<string, number>()
  for (const { line, prompt, ...rest } of answers) {
    const key = JSON.stringify([setOf(rest), prompt])
    const before = places.get(key)
    if (before !== undefined)
      throw refused(
        `${parsed.path}, line ${line}: answers the same prompt for ${setOf(rest)} as line ${before}; keep one of them`,
      )
    places.set(key, line)
  }
  const models = new Map<string, string>()
  for (const { line, model, run_id } of answers) {
    const set_id = setOf({ run_id, model })
    const before = models.get(set_id) ?? model
    if (before !== model)
      throw refused(`${parsed.path}, line ${line}: ${twoModels(set_id, before, model)}`)
    models.set(set_id, before)
  }
  return { name: parsed.path, file_sha256: parsed.sha256, bytes: parsed.bytes, answers }
}

const twoModels = (set_id: string, before: string, model: string): string =>
  `${set_id} has answers of ${before} and of ${model}; a run is of one model, so give each a run_id of its own`

/** Whose answers are together: of a run where the line names it, else of the model. */
const setOf = ({ run_id, model }: Pick<AnswerLine, 'run_id' | 'model'>): string =>
  run_id ?? `answers:${model}`

function linesOf({ file }: ParsedFile): readonly Line[] {
  if (typeof file === 'string') return []
  if (file.content.form === 'ndjson') return file.content.lines
  return file.content.form === 'json' ? [{ line: 1, value: file.content.value }] : []
}

const FIRST_KEY = /^\ufeff?\s*\{\s*"(prompt_id|prompt|model|output|run_id|energy_j|e2e_ms)"\s*:/

/** A first look, so that a large file of another tool is not parsed twice; what is packed must be unpacked to be seen. */
const startsLikeAnswer = (raw: Uint8Array): boolean =>
  raw[0] === 0x1f || FIRST_KEY.test(new TextDecoder().decode(raw.subarray(0, 4096)))

const looksLikeAnswer = (value: unknown): boolean =>
  value !== null &&
  typeof value === 'object' &&
  ['prompt', 'model', 'output'].every((key) => Object.hasOwn(value, key))

const refused = (why: string) => new AnswerError('answers_refused', `${why}. Nothing was imported.`)

/**
 * Stores answers and the file that they came in, in one transaction. What is there already stays as it is.
 * @throws AnswerError where another answer to the same prompt is there
 */
export function storeAnswers(
  store: Store,
  { name, file_sha256, bytes, answers }: ReadAnswers,
  now: string,
): Promise<{ inserted: number; same: number }> {
  return store.db.transaction().execute(async (tx) => {
    await tx
      .insertInto('result_file')
      .values({
        ...{ sha256: file_sha256, name, size_bytes: bytes.length, imported_at: now },
        gzip: gzipSync(bytes),
      })
      .onConflict((c) => c.doNothing())
      .execute()
    let inserted = 0
    for (const answer of answers) {
      const row = rowOf(answer, file_sha256, now)
      // All answers of a set are of one model, so any of them tells.
      const other = await tx
        .selectFrom('answer')
        .select('model')
        .where('set_id', '=', row.set_id)
        .limit(1)
        .executeTakeFirst()
      if (other !== undefined && other.model !== row.model)
        throw refused(
          `${name}, line ${answer.line}: ${twoModels(row.set_id, other.model, row.model)}`,
        )
      const { numInsertedOrUpdatedRows } = await tx
        .insertInto('answer')
        .values(row)
        .onConflict((c) => c.doNothing())
        .executeTakeFirst()
      if (numInsertedOrUpdatedRows === 1n) {
        inserted++
        continue
      }
      const there = await tx
        .selectFrom('answer')
        .selectAll()
        .where('set_id', '=', row.set_id)
        .where('prompt_sha256', '=', row.prompt_sha256)
        .executeTakeFirstOrThrow()
      const unlike = SAME.find((field) => there[field] !== row[field])
      if (unlike !== undefined)
        throw refused(
          `${name}, line ${answer.line}: ${row.set_id} has answered this prompt already, with another ${unlike}; answers are never changed, so give it a run_id or a model name of its own`,
        )
    }
    if (inserted > 0)
      await writeAudit(tx, {
        actor: 'local',
        now,
        action: 'import_answers',
        run_id: null,
        detail: { inserted, files: [{ name, sha256: file_sha256 }] },
      })
    return { inserted, same: answers.length - inserted }
  })
}

const SAME = ['output', 'energy_j', 'e2e_ms'] as const

function rowOf(answer: AnswerLine, file_sha256: string, now: string): AnswerRow {
  const { prompt_id, prompt, model, output, run_id, energy_j, e2e_ms } = answer
  return {
    ...{ set_id: setOf(answer), prompt_id, model, prompt, output, file_sha256 },
    prompt_sha256: sha256(prompt),
    run_id: run_id ?? null,
    energy_j: energy_j ?? null,
    e2e_ms: e2e_ms ?? null,
    imported_at: now,
  }
}
