import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { ChunkError } from '../../analysis/schema/arrow.ts'
import { parseJson, toJson } from '../../analysis/schema/json.ts'
import type { RunValidity } from '../../analysis/schema/run-validity.ts'
import { ANALYSIS_VERSION } from '../../analysis/schema/summary.ts'
import { badFields } from '../bad-field.ts'
import { BundleError } from '../bundle/bundle-error.ts'
import { bundleFiles } from '../bundle/files.ts'
import { readBundle } from '../bundle/read-bundle.ts'
import { FileError, readText } from '../read-file.ts'
import { sha256 } from '../store/sha256.ts'
import { statedOf, submissionSchema } from './submission.ts'

export interface Verified {
  readonly ok: boolean
  readonly run_id: string | null
  /** As it follows from the raw rows; null: these can't be read. Numbers may hold, and be those of an invalid run. */
  readonly validity: RunValidity | null
  readonly files: {
    readonly checked: number
    readonly wrong: readonly { file: string; message: string }[]
  }
  /** Every value of summary.json and mlenergy.json against the one computed anew. */
  readonly numbers: {
    readonly compared: number
    readonly wrong: readonly { file: string; path: string; stated: unknown; computed: unknown }[]
  }
}

/**
 * Checks a submission by itself: every file against its hash, and everything stated against what follows from the raw
 * rows. Who changes rows, numbers and hashes together makes another submission, not a wrong one: hashes are no signature.
 * @throws BundleError where it is no submission at all
 */
export function verifySubmission(dir: string): Verified {
  const at = join(dir, 'submission.json')
  if (!existsSync(at))
    throw new BundleError(
      `${dir} holds no submission.json; llem-server export --format submission writes one.`,
    )
  const manifest = submissionSchema.safeParse(readJson(at), { reportInput: true })
  if (!manifest.success) {
    const [first] = badFields(manifest.error.issues)
    throw new BundleError(`${at}: ${first?.path} ${first?.message}.`)
  }
  const { files: told, run_id, analysis_version, validity: stated } = manifest.data
  let validity: RunValidity | null = null
  const wrong = wrongFiles(dir, told)
  const numbers = { compared: 0, wrong: [] as Verified['numbers']['wrong'][number][] }
  const compare = (file: string, stated: unknown, computed: unknown) => {
    for (const d of differences(stated, computed, '', () => numbers.compared++))
      numbers.wrong.push({ file, ...d })
  }
  try {
    const { summary, row, ...found } = statedOf(readBundle(join(dir, 'bundle')))
    validity = found.validity
    // A submission of an earlier version of this program states no validity.
    const judged = stated === undefined ? [{}, {}] : [{ validity: stated }, { validity }]
    compare(
      'submission.json',
      { run_id, analysis_version, ...judged[0] },
      { run_id: summary.run_id, analysis_version: ANALYSIS_VERSION, ...judged[1] },
    )
    // Through text, as the stated ones went.
    for (const [name, computed] of [
      ['summary.json', summary],
      ['mlenergy.json', row],
    ] as const)
      compare(name, readJson(join(dir, name)), parseJson(toJson(computed)))
  } catch (error) {
    const unreadable =
      error instanceof BundleError || error instanceof ChunkError || error instanceof RangeError
    if (!unreadable) throw error
    wrong.push({ file: 'bundle', message: error.message })
  }
  return {
    ok: wrong.length === 0 && numbers.wrong.length === 0,
    run_id,
    validity,
    files: { checked: Object.keys(told).length, wrong },
    numbers,
  }
}

function wrongFiles(
  dir: string,
  told: Readonly<Record<string, { sha256: string; bytes: number }>>,
): { file: string; message: string }[] {
  const there = new Map(bundleFiles(dir).map((f) => [f.path, f]))
  there.delete('submission.json')
  const wrong: { file: string; message: string }[] = []
  for (const [file, { sha256: hash, bytes }] of Object.entries(told)) {
    const found = there.get(file)
    there.delete(file)
    if (found === undefined) wrong.push({ file, message: 'is not there' })
    else if (found.bytes !== bytes)
      wrong.push({ file, message: `has ${found.bytes} bytes; ${bytes} are stated` })
    else {
      const own = sha256(found.read())
      if (own !== hash) wrong.push({ file, message: `has SHA-256 ${own}; ${hash} is stated` })
    }
  }
  for (const file of there.keys()) wrong.push({ file, message: 'is not stated' })
  return wrong
}

/** Every place where two JSON values differ; `count` is called for each leaf that is looked at. */
function differences(
  stated: unknown,
  computed: unknown,
  path: string,
  count: () => void,
): { path: string; stated: unknown; computed: unknown }[] {
  const parts = (v: unknown) => v !== null && typeof v === 'object'
  if (parts(stated) && parts(computed) && Array.isArray(stated) === Array.isArray(computed)) {
    const [a, b] = [stated, computed] as Record<string, unknown>[]
    const keys = new Set([...Object.keys(a ?? {}), ...Object.keys(b ?? {})])
    return [...keys].flatMap((key) =>
      differences(a?.[key], b?.[key], path === '' ? key : `${path}.${key}`, count),
    )
  }
  count()
  return Object.is(stated, computed)
    ? []
    : [{ path, stated: stated ?? null, computed: computed ?? null }]
}

/** @throws BundleError for what is not there or no JSON; FileError for what can't be read at all */
function readJson(path: string): unknown {
  try {
    return parseJson(readText(path, 'submission'))
  } catch (error) {
    if (error instanceof RangeError) throw new BundleError(`${path} is nested too deep.`)
    if (error instanceof SyntaxError || (error instanceof FileError && error.code === 'ENOENT'))
      throw new BundleError(`${path} can't be read (${error.message}).`)
    throw error
  }
}
