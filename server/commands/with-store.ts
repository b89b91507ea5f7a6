import { type OpenOptions, openStore, type Store } from '../store/open.ts'
import { createSummaries, type Summaries } from '../summaries.ts'

/** Opens the database for one command and closes it whatever happens. */
export async function withStore<T>(
  db: string,
  options: OpenOptions,
  work: (store: Store) => Promise<T>,
): Promise<T> {
  const store = await openStore(db, options)
  try {
    return await work(store)
  } finally {
    await store.close()
  }
}

export const isoNow = (): string => new Date().toISOString()

export const summariesFor = (store: Store): Summaries =>
  createSummaries(store, isoNow, (line) => process.stderr.write(`${line}\n`))

/** One JSON document on stdout, nothing else there. */
export const printLine = (text: string): void => void process.stdout.write(`${text}\n`)

/** A part of a document that is too long to be one string; resolves when it is out. */
export const printPart = (text: string): Promise<void> =>
  new Promise((resolve) => {
    process.stdout.write(text, () => resolve())
  })
