// A recording agent to be killed: two processes' rows go through recorder and shipper as fast as they can.
// argv: spool directory, run id, server URL or database, what to do (record, ship). Each durable chunk is told on stdout.
import { createClock } from '../../agent/clock.ts'
import { connectServer } from '../../agent/embedded-server.ts'
import { createRecorder } from '../../agent/recorder.ts'
import { createServerClient } from '../../agent/server-client.ts'
import { shipLeftovers } from '../../agent/ship-leftovers.ts'
import { createShipper, type Shipper } from '../../agent/shipper.ts'
import { createSpool } from '../../agent/spool.ts'

const [spoolDir, run_id, where, what] = process.argv.slice(2) as [string, string, string, string]
const backoff = () => 5
const tell = (line: string) => process.stdout.write(`${line}\n`)

async function connect() {
  if (!where.startsWith('http')) {
    const command: [string, string] = [process.execPath, process.env['SERVER_PROGRAM'] as string]
    return connectServer({ server: null, db: where, token: null, say: () => undefined, command })
  }
  const client = createServerClient({ url: where, token: null, timeout_ms: 2_000 })
  const target = { server: where, db: null }
  return { client, target, resolve: async () => client, stop: async () => undefined }
}

const server = await connect()
if (what === 'ship') {
  for (;;) {
    const runs = await shipLeftovers({ spoolDir, server, backoff, say: () => undefined })
    if (runs.length === 0) break
  }
} else {
  const spool = await createSpool(spoolDir, run_id)
  const row = { bundle_version: 1 as const, devices: [] }
  const run = { run_id, experiment: { model: 'm' }, phases: [] }
  await spool.writeRun({ ...row, run, processes: [{ process_id: 'p1' }, { process_id: 'p2' }] })
  tell('begun')
  let shipper: Shipper | null = null
  const recorder = createRecorder({
    spool,
    clock: createClock(),
    maxAgeMs: 3,
    maxRows: 50,
    onChunk(chunk) {
      tell(JSON.stringify([chunk.process_id, chunk.stream, chunk.seq, chunk.rows]))
      shipper?.chunk(chunk)
    },
  })
  shipper = createShipper({ spool, server, backoff, say: () => undefined, patience_ms: 5_000 })
  const rows = Number(process.env['ROWS'])
  for (let i = 0; i < rows; i++) {
    for (const process_id of ['p1', 'p2']) {
      recorder.add(process_id, 'sample', { t_ns: i, device_id: 'd', metric: 'm', value: i })
      recorder.add(process_id, 'event', { t_ns: i, code: 'c', detail: String(i) })
    }
    if (i % 7 === 0) await new Promise((resolve) => setTimeout(resolve, 1))
  }
  await recorder.close()
  const seal = { outcome: 'completed' as const, reason: null, chunks: recorder.counts() }
  await spool.writeRun({
    ...row,
    run: { ...run, outcome: 'completed' },
    processes: [{ process_id: 'p1' }, { process_id: 'p2' }],
  })
  tell('ending')
  tell(await shipper.finish(seal))
}
await server.stop()
