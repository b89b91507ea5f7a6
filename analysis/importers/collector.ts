import type { Result } from '../schema/result.ts'
import type { Fault, Imported, Verdict } from './importer.ts'

type FieldNames = Readonly<Record<string, string | null>>

/** Gathers what an importer makes of rows, with a verdict for each. */
export interface Collector {
  /** Keeps a result; one that is there already, number for number, is ignored and said so. */
  mapped(result: Result, faults?: readonly Fault[], fields?: FieldNames): void
  ignored(file: string, row: number | null, message: string): void
  lost(file: string, row: number | null, message: string, faults?: readonly Fault[]): void
  done(lacks: readonly string[]): Imported
}

export function createCollector(): Collector {
  const results = new Map<string, Result>()
  const verdicts: Verdict[] = []
  const names: Record<string, string | null> = {}
  return {
    mapped(result, faults = [], fields = {}) {
      Object.assign(names, fields)
      const { result_id, provenance } = result
      const { file, row } = provenance
      const twin = results.get(result_id)?.provenance
      if (twin) {
        const message = `is the same as ${place(twin.file, twin.row)}`
        verdicts.push({ file, row, verdict: 'ignored', result_id, message, faults })
        return
      }
      results.set(result_id, result)
      verdicts.push({ file, row, verdict: 'mapped', result_id, message: null, faults })
    },
    ignored: (file, row, message) =>
      void verdicts.push({ file, row, verdict: 'ignored', result_id: null, message, faults: [] }),
    lost: (file, row, message, faults = []) =>
      void verdicts.push({ file, row, verdict: 'lost', result_id: null, message, faults }),
    done: (lacks) => ({ results: [...results.values()], verdicts, fields: names, lacks }),
  }
}

/** A row of a file in words; rows are counted from 0, as in `provenance.row`. */
export const place = (file: string, row: number | null): string =>
  row === null ? file : `${file}, row ${row}`
