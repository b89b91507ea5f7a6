/** What `export --format` writes. */
export const EXPORT_FORMATS = [
  'bundle',
  'csv',
  'parquet',
  'arrow',
  'json',
  'mlenergy',
  'submission',
  'codecarbon',
] as const
export type ExportFormat = (typeof EXPORT_FORMATS)[number]
