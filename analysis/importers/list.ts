import type { Importer } from './importer.ts'
import { mlenergy } from './mlenergy.ts'

/** Every reader of results of other tools, in the order in which a file is shown to them. */
export const IMPORTERS: readonly Importer[] = [mlenergy]
