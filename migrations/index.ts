import type { Migration } from 'kysely'
import { initial } from './0001-initial.ts'
import { results } from './0002-results.ts'
import { totals } from './0003-totals.ts'
import { votes } from './0004-votes.ts'
import { qualityScores } from './0005-quality-scores.ts'
import { documentVersions } from './0006-document-versions.ts'
import { redaction } from './0007-redaction.ts'
import { valueSets } from './0008-value-sets.ts'

/**
 * Every change of the tables' shape, in order. History: what has been released is never edited. The place in this
 * list, from 1, is the version that a database states.
 */
export const MIGRATIONS: readonly { readonly name: string; readonly migration: Migration }[] = [
  { name: '0001-initial', migration: initial },
  { name: '0002-results', migration: results },
  { name: '0003-totals', migration: totals },
  { name: '0004-votes', migration: votes },
  { name: '0005-quality-scores', migration: qualityScores },
  { name: '0006-document-versions', migration: documentVersions },
  { name: '0007-redaction', migration: redaction },
  { name: '0008-value-sets', migration: valueSets },
]

/** The version of a database on which every migration has run. */
export const SCHEMA_VERSION = MIGRATIONS.length
