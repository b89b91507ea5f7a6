import { spawn } from 'node:child_process'
import { HttpProblem } from '../problem.ts'
import { StoreError, type StoreFault } from '../store/store-error.ts'
import { BYTES_PER_MB, type ImportLimits, optionOf } from './limits.ts'
import { type ImportJob, type ImportReport, importReportSchema, JOB_ENV } from './protocol.ts'

/** What V8 may hold of the memory; beside it are buffers, the program itself and SQLite. */
const HEAP_SHARE = 0.75
const TAIL = 2000

export interface ImportChild {
  /** Path of the bundled import-child. */
  readonly program: string
  readonly job: Omit<ImportJob, 'most_results' | 'most_bytes'>
  readonly limits: ImportLimits
  readonly body_fd: number
  readonly response_fd: number
  /** Aborted: nobody wants it any more. What is being stored by then is stored. */
  readonly signal: AbortSignal
  log(line: string): void
}

/**
 * Reads an import in a process of its own and stores it, in one transaction. The response lies in `response_fd` when
 * this returns.
 * @throws HttpProblem with the limit that ended it, or why the file is refused
 * @throws StoreError where the database can't be written
 */
export async function runImportChild(it: ImportChild): Promise<void> {
  const { limits, signal } = it
  const job: ImportJob = {
    ...it.job,
    most_results: limits.results,
    most_bytes: limits.memory_mb * BYTES_PER_MB,
  }
  signal.throwIfAborted()
  const { LLEM_TOKEN: _, NODE_OPTIONS: __, ...env } = process.env
  const heap_mb = Math.floor(limits.memory_mb * HEAP_SHARE)
  const child = spawn(process.execPath, [`--max-old-space-size=${heap_mb}`, it.program], {
    env: { ...env, [JOB_ENV]: JSON.stringify(job) },
    // Its input stays open as long as this process lives, however it ends.
    stdio: ['pipe', 'pipe', 'pipe', it.body_fd, it.response_fd],
    // Ctrl-C in the terminal goes to every process of the group: when this one ends is its parent's decision.
    detached: true,
  })
  let storing = false
  let last: ImportReport | null = null
  let late = false
  const end = () => void child.kill('SIGKILL')
  const tooLate = () => {
    late = true
    end()
  }
  let timer = setTimeout(tooLate, limits.seconds * 1000)
  const leave = () => {
    if (!storing) end()
  }
  signal.addEventListener('abort', leave, { once: true })
  child.stdin?.on('error', () => undefined)
  const tail = tailOf(child.stderr)
  onLines(child.stdout, (line) => {
    const reported = reportOf(line)
    if (reported === null) return
    if (!('storing' in reported)) {
      last = reported
      return
    }
    storing = true
    clearTimeout(timer)
    timer = setTimeout(tooLate, limits.seconds * 1000)
  })
  const how = await new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message))
    child.once('close', (code, by) => resolve(by ?? `exit ${code}`))
  })
  clearTimeout(timer)
  signal.removeEventListener('abort', leave)
  const reported = last as ImportReport | null
  if (reported !== null && 'done' in reported) return
  if (reported !== null && 'refused' in reported)
    throw new HttpProblem(reported.refused.status, reported.refused.code, reported.refused.detail)
  if (reported !== null && 'store' in reported)
    throw new StoreError(reported.store.fault as StoreFault, reported.store.message)
  const { name } = it.job
  const left = storing ? MAY_BE_STORED : 'Nothing was imported.'
  if (reported !== null && 'over_bytes' in reported)
    throw overMemory(
      `held ${Math.ceil(reported.over_bytes / BYTES_PER_MB)} MB of memory while it was read, over the ${limits.memory_mb} MB`,
    )
  if (late)
    throw new HttpProblem(
      422,
      'import_time_limit',
      `${name} took more than the ${limits.seconds} s that an import may take, and was ended. ${left} ${remedy('seconds')}`,
    )
  if (signal.aborted) throw signal.reason
  if (how === 'SIGABRT' && tail.text().includes('heap'))
    throw overMemory(
      `filled the ${heap_mb} MB of heap, three quarters of the ${limits.memory_mb} MB`,
    )
  if (reported !== null && 'failed' in reported) it.log(`import of ${name}: ${reported.failed}`)
  else it.log(`import of ${name}: its process ended by itself (${how}). ${tail.text()}`.trim())
  const why =
    reported !== null
      ? 'ended with a fault of llem itself; see the log of the server, please report it'
      : how === 'SIGKILL'
        ? 'was ended by the system (SIGKILL), which mostly means that the machine has no memory left; try again later'
        : `ended by itself (${how}); see the log of the server, please report it`
  throw new HttpProblem(500, 'import_ended', `The process that read ${name} ${why}. ${left}`)

  function overMemory(what: string): HttpProblem {
    return new HttpProblem(
      422,
      'import_memory_limit',
      `${name} ${what} that an import may hold, and was ended. ${left} ${remedy('memory_mb')}`,
    )
  }
}

const MAY_BE_STORED =
  'It was being stored by then and may be there: import it again, what is there is not stored twice.'

const remedy = (limit: keyof ImportLimits): string =>
  `Cut the file into smaller ones, import it with llem-server import, or start the server with a higher ${optionOf(limit)}.`

/** null: a line of something else, such as a warning that a library prints. */
function reportOf(line: string): ImportReport | null {
  try {
    return importReportSchema.parse(JSON.parse(line))
  } catch {
    return null
  }
}

function onLines(stream: NodeJS.ReadableStream | null, take: (line: string) => void): void {
  let rest = ''
  stream?.setEncoding('utf8')
  stream?.on('data', (text: string) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) take(line)
  })
}

function tailOf(stream: NodeJS.ReadableStream | null): { text(): string } {
  let tail = ''
  stream?.setEncoding('utf8')
  stream?.on('data', (text: string) => {
    tail = (tail + text).slice(-TAIL)
  })
  return { text: () => tail.trim() }
}
