import { CommandError } from '../command-error.ts'
import { openToOthers } from '../private-file.ts'
import { checkStore } from '../store/check.ts'
import { printLine, withStore } from './with-store.ts'

export async function check(options: { db: string; json: boolean }): Promise<void> {
  await withStore(options.db, { create: false }, async (store) => {
    const { runs, chunks, bytes, problems } = await checkStore(store)
    const rights = openToOthers(store.path)
    if (rights !== null)
      process.stderr.write(
        `Others may open ${store.path} (mode ${rights}). If that is not meant: chmod 600 ${store.path}\n`,
      )
    if (options.json)
      printLine(
        JSON.stringify({
          db: store.path,
          ok: problems.length === 0,
          runs,
          chunks,
          bytes,
          problems,
        }),
      )
    else {
      for (const problem of problems) printLine(problem)
      printLine(
        `${store.path}: ${runs} runs, ${chunks} chunks, ${bytes} bytes, ${problems.length} problems`,
      )
    }
    if (problems.length > 0)
      throw new CommandError(
        1,
        `${store.path} has ${problems.length === 1 ? 'a problem' : `${problems.length} problems`}. Restore a backup, or import the bundles again into a new database.`,
      )
  })
}
