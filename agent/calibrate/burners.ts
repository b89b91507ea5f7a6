import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'

/** Threads that keep every core busy, or none. */
export interface Burners {
  readonly threads: number
  burn(on: boolean): void
  stop(): Promise<void>
}

/** Multiplies while the flag is 1 and waits while it is 0; in slices, so that it sees the flag change. */
const BURN = `
const { workerData } = require('node:worker_threads')
const flag = new Int32Array(workerData)
let a = 1.1, b = 0.7, c = 1.3, d = 0.9
for (;;) {
  Atomics.wait(flag, 0, 0)
  if (Atomics.load(flag, 0) === 2) break
  for (let i = 0; i < 20000; i++) {
    a = a * b + c; b = b * c + d; c = c * d + a; d = d * a + b
    if (a > 1e6) { a = 1.1; b = 0.7; c = 1.3; d = 0.9 }
  }
}
`

export function startBurners(threads = availableParallelism()): Burners {
  const shared = new SharedArrayBuffer(4)
  const flag = new Int32Array(shared)
  const workers = Array.from(
    { length: threads },
    () => new Worker(BURN, { eval: true, workerData: shared, execArgv: [] }),
  )
  const set = (value: number) => {
    Atomics.store(flag, 0, value)
    Atomics.notify(flag, 0)
  }
  return {
    threads,
    burn: (on) => set(on ? 1 : 0),
    async stop() {
      set(2)
      await Promise.all(workers.map((w) => w.terminate()))
    },
  }
}
