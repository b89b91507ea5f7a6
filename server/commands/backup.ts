import { accessSync, constants, existsSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { CommandError } from '../command-error.ts'
import { makePrivate } from '../private-file.ts'
import { printLine, withStore } from './with-store.ts'

/** Copies the database as it is at one moment, while it may be written to. */
export async function backup(out: string, options: { db: string; json: boolean }): Promise<void> {
  const path = resolve(out)
  if (existsSync(path))
    throw new CommandError(
      2,
      `${path} is there already; a backup overwrites nothing. Give another name.`,
    )
  // SQLite would say only that it can't open it, as of the database itself.
  accessSync(dirname(path), constants.W_OK)
  await withStore(options.db, { create: false }, async (store) => {
    // SQLite makes files for everyone to read; one that is there keeps its rights.
    makePrivate(path)
    await store.raw.backup(path)
    const bytes = statSync(path).size
    printLine(
      options.json ? JSON.stringify({ db: store.path, path, bytes }) : `${path} (${bytes} bytes)`,
    )
  })
}
