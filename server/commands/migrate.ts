import { SCHEMA_VERSION } from '../../migrations/index.ts'
import { printLine, withStore } from './with-store.ts'

export async function migrate(options: { db: string; json: boolean }): Promise<void> {
  await withStore(
    options.db,
    { create: true, erase: true },
    async ({ path, version_before: from }) => {
      const to = SCHEMA_VERSION
      if (options.json) printLine(JSON.stringify({ db: path, from, to }))
      else if (from === to) printLine(`${path} has version ${to} already; nothing to do.`)
      else printLine(`${path}: version ${from} -> ${to}${from === 0 ? ' (new)' : ''}`)
    },
  )
}
