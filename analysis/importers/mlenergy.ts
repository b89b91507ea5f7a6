import { createCollector } from './collector.ts'
import { isObject, type JsonObject } from './fields.ts'
import type { Importer, ImportFile, ImportOptions, Reading } from './importer.ts'
import { type PublishedFile, readPublished } from './mlenergy-published.ts'
import { type RawRun, rawRun } from './mlenergy-raw.ts'
import { rawDiffusion } from './mlenergy-raw-diffusion.ts'
import { SOURCE } from './mlenergy-row.ts'
import { isRunTable, readRunTable } from './mlenergy-runs.ts'
import { joinScrapes, type Scrape, scrapeOf } from './mlenergy-scrapes.ts'

/**
 * The ML.ENERGY Leaderboard, data v3: task files, model files and the index as published, the tables of runs of its bundle,
 * and the raw results of its benchmark. Files are told apart by content and may come in any order, from a root at any level.
 * Source: docs/leaderboard.md, "ML.ENERGY".
 */
export const mlenergy: Importer = {
  name: SOURCE,
  title:
    'ML.ENERGY Leaderboard v3: tasks, models, index, runs/*.parquet, and raw results.json of its benchmark',
  detect: (file) => isRunTable(file.content) || kindOf(file) !== null,
  begin,
}

type Kind = 'index' | 'task' | 'model' | 'model_info' | 'raw' | 'raw_diffusion' | 'scrape'

function kindOf({ content }: ImportFile): Kind | null {
  if (content.form !== 'json' || !isObject(content.value)) return null
  const value = content.value
  const has = (name: string) => Object.hasOwn(value, name)
  if (isObject(value['models']) && Array.isArray(value['tasks'])) return 'index'
  if (Array.isArray(value['configurations']) && has('task'))
    return has('model_id') ? 'model' : 'task'
  if (has('total_parameters_billion')) return 'model_info'
  if (has('iteration_energy_measurements')) return 'raw_diffusion'
  if (has('steady_state_stats')) return 'scrape'
  if (has('steady_state_energy') || has('steady_state_measurement')) return 'raw'
  return null
}

const LACKS = [
  'raw rows: power samples and single requests of published rows',
  'time to first token and end-to-end latency of published rows',
]
/** The tables of runs tell them. */
const NO_SEEDS = 'seeds and repeats, so that twins can only be told apart by their numbers'

function begin(options: ImportOptions): Reading {
  const out = createCollector()
  const tasks: PublishedFile[] = []
  const models: PublishedFile[] = []
  const tables: Parameters<typeof readRunTable>[0][] = []
  const runs: RawRun[] = []
  const scrapes: Scrape[] = []
  let index: JsonObject | null = null
  return {
    take(file) {
      const { content } = file
      if (content.form === 'table' && content.columns.includes('model_id'))
        return void tables.push({ ...file, content })
      const kind = kindOf(file)
      const value = content.form === 'json' ? content.value : null
      if (kind === null || !isObject(value))
        return out.lost(file.path, null, 'is none of the files of this format')
      const { path, sha256, notes } = file
      const published = { path, sha256, notes, value }
      if (kind === 'index') {
        index = value
        out.ignored(path, null, 'read for names, kinds and the date')
      } else if (kind === 'model_info')
        out.ignored(path, null, 'tells of a model what the tables of runs tell')
      else if (kind === 'task') tasks.push(published)
      else if (kind === 'model') models.push(published)
      else if (kind === 'scrape') scrapes.push(scrapeOf(path, value))
      else if (kind === 'raw') {
        const run = rawRun(value, file, options.revision)
        if (run.result === null) out.lost(path, null, 'does not name its model', run.faults)
        else runs.push(run)
      } else {
        const run = rawDiffusion(value, file, options.revision)
        if (run.result === null) out.lost(path, null, 'does not name its model', run.faults)
        else out.mapped(run.result, run.faults, run.fields)
      }
    },
    done() {
      const said = index?.['last_updated']
      const revision = options.revision ?? (typeof said === 'string' ? said : null)
      const given = { index, tasks, models, revision }
      readPublished(given, out)
      const raws = runs.map((run) => run.result.provenance.file)
      for (const table of tables) readRunTable(table, given, raws, out)
      joinScrapes(runs, scrapes, out)
      const seeds = tables.length > 0 && tasks.length + models.length === 0
      return out.done(seeds ? LACKS : [...LACKS, NO_SEEDS])
    },
  }
}
