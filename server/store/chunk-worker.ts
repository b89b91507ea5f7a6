import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import type Database from 'better-sqlite3'
import { failureText, groupStorer } from './chunk-group.ts'
import { type ChunkAsk, type ChunkSays, CLOSE, type WriterStart } from './chunk-messages.ts'
import { connect, setDurable } from './connection.ts'

// The thread that stores chunks, over a connection of its own: while it waits for the disk, the other one reads and
// checks what comes next. It ends when it is told to close; what is thrown here ends it too, and the writer says so.

const { path, busy_timeout_ms } = workerData as WriterStart
const port = parentPort as MessagePort
let raw: Database.Database | null = null
let storeGroup: ReturnType<typeof groupStorer> | null = null
let waiting: ChunkAsk[] = []

/** Opened by the first group: what hinders that is the answer to its chunks, and the next group tries again. */
function open(): ReturnType<typeof groupStorer> {
  raw ??= connect(path, busy_timeout_ms)
  setDurable(raw)
  return groupStorer(raw)
}

function flush(): void {
  if (waiting.length === 0) return
  const group = waiting
  waiting = []
  let answers: ChunkSays[]
  try {
    storeGroup ??= open()
    answers = storeGroup(group)
  } catch (error) {
    const failed = failureText(error)
    answers = group.map(({ id }) => ({ id, failed }))
  }
  port.postMessage(answers)
}

port.on('message', (message: ChunkAsk | typeof CLOSE) => {
  if (message !== CLOSE) {
    // After what has arrived by now is read.
    if (waiting.length === 0) setImmediate(flush)
    waiting.push(message)
    return
  }
  flush()
  raw?.close()
  port.close()
})
