import { Option } from 'commander'
import type { RecordOptions } from '../commands/run-options.ts'
import { lockWait, serverUrl } from './values.ts'

// Where readings go: the options of every command that records or sends.

export const serverOption = () =>
  new Option('--server <url>', 'send to this server instead of the embedded one').argParser(
    serverUrl,
  )
export const noServerOption = () =>
  new Option('--no-server', 'only record: the bundle can be imported elsewhere')
export const databaseOption = () =>
  new Option('--db <path>', 'database of the embedded server').env('LLEM_DB').default('llem.db')
export const outOption = () =>
  new Option('--out <dir>', 'write report.html, summary.json and the bundle there')

export const lockWaitOption = () =>
  new Option(
    '--lock-wait <seconds>',
    'how long to wait for a GPU that another agent measures; 0: not at all',
  )
    .argParser(lockWait)
    .default(3600)

export interface RecordFlags {
  server: string | boolean
  db: string
  out?: string
  json?: boolean
  lockWait: number
}

/** What those options say. */
export const recordOptions = (o: RecordFlags): RecordOptions => ({
  server:
    o.server === false
      ? false
      : typeof o.server === 'string'
        ? o.server
        : process.env['LLEM_SERVER'] || null,
  db: o.db,
  out: o.out ?? null,
  json: o.json === true,
  lock_wait_s: o.lockWait,
})
