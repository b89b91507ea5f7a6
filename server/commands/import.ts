import { importBundles } from '../bundle/import-bundle.ts'
import { isoNow, printLine, withStore } from './with-store.ts'

/** Imports a bundle, or several, in one transaction. */
export async function importPath(
  path: string,
  options: { db: string; json: boolean },
): Promise<void> {
  await withStore(options.db, { create: true }, async (store) => {
    const runs = await importBundles(store, path, isoNow())
    for (const run of runs)
      if (run.ignored.length > 0)
        process.stderr.write(`Passed over, as not known here: ${run.ignored.join(', ')}\n`)
    if (options.json) return printLine(JSON.stringify({ db: store.path, runs }))
    for (const run of runs)
      printLine(
        run.result === 'same'
          ? `Run ${run.run_id} is there already with the same bytes; nothing has changed.`
          : `Imported run ${run.run_id} (${run.outcome}): ${run.chunks} chunks, ${run.rows} rows.`,
      )
  })
}
