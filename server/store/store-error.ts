export type StoreFault =
  | 'missing'
  | 'no_folder'
  | 'not_sqlite'
  | 'not_llem'
  | 'newer'
  | 'locked'
  | 'read_only'
  | 'disk_full'
  | 'damaged'
  | 'writer_ended'

/** A database that can't be used as asked, with a stable kind for programs and a sentence for people. */
export class StoreError extends Error {
  readonly fault: StoreFault
  constructor(fault: StoreFault, message: string) {
    super(message)
    this.name = 'StoreError'
    this.fault = fault
  }

  /** Puts SQLite's own error codes into our words; anything else is given back as it is. */
  static from(error: unknown, path: string): unknown {
    const code = error instanceof Error ? (error as Error & { code?: unknown }).code : undefined
    if (typeof code !== 'string') return error
    const row = WORDS.find(([prefix]) => code.startsWith(prefix))
    return row ? new StoreError(row[1], row[2](path)) : error
  }
}

const WORDS: readonly [string, StoreFault, (path: string) => string][] = [
  [
    'SQLITE_NOTADB',
    'not_sqlite',
    (p) => `${p} is not a SQLite database. Give another file with --db.`,
  ],
  [
    'SQLITE_BUSY',
    'locked',
    (p) =>
      `The database ${p} is locked by another program. Wait for it or close it, then try again.`,
  ],
  ['SQLITE_LOCKED', 'locked', (p) => `The database ${p} is locked. Try again.`],
  [
    'SQLITE_READONLY',
    'read_only',
    (p) => `The database ${p} can't be written to. Check the rights of the file and of its folder.`,
  ],
  [
    'SQLITE_CANTOPEN',
    'read_only',
    (p) =>
      `The database ${p} can't be opened. Check that it is a file and that you may read and write it.`,
  ],
  [
    'SQLITE_FULL',
    'disk_full',
    (p) => `The disk of the database ${p} is full. Free some space, then try again.`,
  ],
  [
    'SQLITE_IOERR',
    'damaged',
    (p) => `The disk of the database ${p} reports an error. Check the disk.`,
  ],
  [
    'SQLITE_CORRUPT',
    'damaged',
    (p) => `The database ${p} is damaged. Run: llem-server check --db ${p}`,
  ],
]
