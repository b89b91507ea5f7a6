import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { createClock } from './clock.ts'
import { createSampler, type Sampler } from './sampler.ts'
import { createRowPacker } from './sampler-batch.ts'
import type { ThreadAsk, ThreadSays, ThreadStart } from './sampler-messages.ts'
import { agentCpu } from './sensors/agent-cpu.ts'
import { detectSensors } from './sensors/detect.ts'
import { threadCpu } from './thread-cpu.ts'

// The sampling thread: opens the sensors and reads them, so that a driver that takes its time delays no request.
// It ends when it is told to close; what is thrown here ends it too, and the run learns of it.

/** Rows wait this long for others: each message wakes the thread that sends the load. */
const GATHER_MS = 250

const { origin_ns, host, only } = workerData as ThreadStart
const port = parentPort as MessagePort
const say = (message: ThreadSays, transfer: ArrayBuffer[] = []) =>
  port.postMessage(message, transfer)

const clock = createClock(undefined, origin_ns)
const cpu = threadCpu()
const found = await detectSensors({ ...host, clock }, only)
const sensors = [...found.sensors, ...agentCpu(clock, cpu)]
const packer = createRowPacker()
let gathering: NodeJS.Timeout | null = null
let sampler: Sampler | null = null

function send(): void {
  if (gathering) clearTimeout(gathering)
  gathering = null
  const batch = packer.pack()
  if (batch === null) return
  const { t_ns, value, series, reason } = batch
  const columns = [t_ns, value, series, reason].map((c) => c.buffer as ArrayBuffer)
  say({ say: 'rows', batch }, columns)
}

async function answer(asked: ThreadAsk): Promise<unknown> {
  switch (asked.ask) {
    case 'devices_of_process':
      return found.devicesOfProcess(asked.pid)
    case 'start':
      sampler = createSampler({
        clock,
        sensors,
        watches: found.watches,
        interval_ms: asked.interval_ms,
        ownThread: cpu,
        sink(rows) {
          packer.add(rows)
          gathering ??= setTimeout(send, GATHER_MS)
        },
        onEvent: (code, detail) => say({ say: 'event', code, detail }),
        onAnchor: (anchor) => say({ say: 'anchor', anchor }),
      })
      await sampler.start()
      return null
    case 'edge':
      await sampler?.edge()
      return null
    case 'stop':
      await sampler?.stop()
      return null
    case 'close':
      await sampler?.stop()
      found.close()
      return null
  }
}

port.on('message', async (asked: ThreadAsk) => {
  const value = await answer(asked)
  send()
  say({ say: 'answer', id: asked.id, value })
  // Nothing else keeps this thread.
  if (asked.ask === 'close') port.close()
})
say({
  say: 'opened',
  opened: {
    devices: found.devices,
    sensors: sensors.flatMap((s) => [s.row, ...(s.standby ? [s.standby.sensor.row] : [])]),
    missing: found.missing,
    environment: found.environment,
  },
})
