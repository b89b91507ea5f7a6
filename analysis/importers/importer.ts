import type { Result } from '../schema/result.ts'

/** A file as an importer sees it: parsed, with what is needed to say where a number came from. */
export interface ImportFile {
  /** Within what was given, with forward slashes; the bare name where it was one file. */
  readonly path: string
  readonly sha256: string
  readonly content: Content
  /** What parsing had to bend, e.g. bare NaN; goes with each result of the file. */
  readonly notes: readonly string[]
}

export type Content =
  | { readonly form: 'json'; readonly value: unknown }
  /** One JSON value a line; `line` from 1. */
  | { readonly form: 'ndjson'; readonly lines: readonly { line: number; value: unknown }[] }
  | {
      readonly form: 'csv'
      readonly header: readonly string[]
      readonly rows: readonly (readonly string[])[]
    }
  /** Of a file that tells the kind of each column; whole numbers above 2^53 are their digits as text. */
  | {
      readonly form: 'table'
      readonly columns: readonly string[]
      readonly rows: readonly Readonly<Record<string, unknown>>[]
    }

export interface ImportOptions {
  /** What the caller says of the date or version, where the files do not. */
  readonly revision: string | null
}

/** A value that could not be taken: it is null in the result, or the row is lost. */
export interface Fault {
  readonly field: string
  /** With the bad value: `is "12"; it must be a number`. */
  readonly message: string
}

/**
 * What became of one row. mapped: a result (with `faults`, fields of it are null); ignored: knowingly passed over;
 * lost: it should have become a result and could not.
 */
export interface Verdict {
  readonly file: string
  /** From 0; null: the whole file. */
  readonly row: number | null
  readonly verdict: 'mapped' | 'ignored' | 'lost'
  readonly result_id: string | null
  readonly message: string | null
  readonly faults: readonly Fault[]
}

/** What came of the files of one importer. */
export interface Imported {
  readonly results: readonly Result[]
  readonly verdicts: readonly Verdict[]
  /** Each field that was met: the metric or fact of ours that it became; null: kept under its own name. */
  readonly fields: Readonly<Record<string, string | null>>
  /** What the format cannot tell, in words: `gaps between tokens`. */
  readonly lacks: readonly string[]
}

/** Takes files one after the other, so that no more than one of them is in memory. */
export interface Reading {
  take(file: ImportFile): void
  done(): Imported
}

/** A reader of the results of one tool. A new one is a file here and a line in `list.ts`. */
export interface Importer {
  /** The `source` of its results, and the `--format` that forces it. */
  readonly name: string
  /** What it reads, in a few words. */
  readonly title: string
  /** Whether a file is one of this tool's, by its content; the path must not matter. */
  detect(file: ImportFile): boolean
  /** Does not throw for anything that a file may hold: what can't be read is a verdict. */
  begin(options: ImportOptions): Reading
}

/** A reading for tools each of whose files stands alone. */
export const eachFile =
  (read: (file: ImportFile, options: ImportOptions) => Imported): Importer['begin'] =>
  (options) => {
    const parts: Imported[] = []
    return {
      take: (file) => void parts.push(read(file, options)),
      done: () => ({
        results: parts.flatMap((p) => p.results),
        verdicts: parts.flatMap((p) => p.verdicts),
        fields: Object.assign({}, ...parts.map((p) => p.fields)),
        lacks: [...new Set(parts.flatMap((p) => p.lacks))],
      }),
    }
  }
