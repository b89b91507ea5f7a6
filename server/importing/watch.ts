import { writeSync } from 'node:fs'
import { Socket } from 'node:net'
import { parentPort, workerData } from 'node:worker_threads'
import type { ImportReport } from './protocol.ts'

// The thread that ends its process, while the main one is deep in a file and sees nothing: when the process holds more
// memory than it may, wherever it is held, and when the server at the other end of standard input is gone, however it went.

const EVERY_MS = 20
const { most_bytes } = workerData as { readonly most_bytes: number }

const end = () => process.kill(process.pid, 'SIGKILL')

const server = new Socket({ fd: 0 })
for (const gone of ['end', 'close', 'error']) server.once(gone, end)
server.resume()

setInterval(() => {
  const bytes = process.memoryUsage.rss()
  if (bytes <= most_bytes) return
  try {
    writeSync(1, `${JSON.stringify({ over_bytes: bytes } satisfies ImportReport)}\n`)
  } finally {
    end()
  }
}, EVERY_MS)

parentPort?.postMessage('watching')
