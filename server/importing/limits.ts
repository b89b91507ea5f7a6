interface Limit {
  readonly option: string
  readonly env: string
  readonly unit: string
  readonly initial: number
  readonly least: number
  readonly most: number
  readonly meaning: string
}

/** What one import over HTTP may take, each an option of serve and a variable of its environment. */
export const IMPORT_LIMITS = {
  seconds: {
    option: '--import-seconds',
    env: 'LLEM_IMPORT_SECONDS',
    unit: 's',
    initial: 60,
    least: 1,
    most: 86_400,
    meaning: 'seconds to read and check an import, and again to store it',
  },
  memory_mb: {
    option: '--import-memory',
    env: 'LLEM_IMPORT_MEMORY',
    unit: 'MB',
    initial: 1024,
    least: 128,
    most: 1_000_000,
    meaning: 'MB of resident memory of the process that reads an import',
  },
  body_mb: {
    option: '--import-body',
    env: 'LLEM_IMPORT_BODY',
    unit: 'MB',
    initial: 64,
    least: 1,
    most: 256,
    meaning: 'MB of the file that is sent',
  },
  results: {
    option: '--import-results',
    env: 'LLEM_IMPORT_RESULTS',
    unit: 'results',
    initial: 10_000,
    least: 1,
    most: 1_000_000,
    meaning: 'results in one import, stored in one transaction for which other writes wait',
  },
  at_once: {
    option: '--imports',
    env: 'LLEM_IMPORTS',
    unit: 'at once',
    initial: 1,
    least: 1,
    most: 64,
    meaning: 'imports that are read at once; up to 8 more wait, then 503',
  },
} as const satisfies Record<string, Limit>

export type ImportLimits = Readonly<Record<keyof typeof IMPORT_LIMITS, number>>

export const initialLimits = (): ImportLimits => ({
  seconds: IMPORT_LIMITS.seconds.initial,
  memory_mb: IMPORT_LIMITS.memory_mb.initial,
  body_mb: IMPORT_LIMITS.body_mb.initial,
  results: IMPORT_LIMITS.results.initial,
  at_once: IMPORT_LIMITS.at_once.initial,
})

/** `--import-seconds (LLEM_IMPORT_SECONDS)`, as a sentence names it. */
export const optionOf = (limit: keyof ImportLimits): string =>
  `${IMPORT_LIMITS[limit].option} (${IMPORT_LIMITS[limit].env})`

export const BYTES_PER_MB = 1_000_000
