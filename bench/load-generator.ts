// How many streamed chunks a second the load generator reads and records, against a bare reader that only splits
// lines and parses their JSON. Run: npx tsx bench/load-generator.ts
import { fork } from 'node:child_process'
import { once, setMaxListeners } from 'node:events'
import { Agent, request as httpRequest } from 'node:http'
import { fileURLToPath } from 'node:url'
import { createClock } from '../agent/clock.ts'
import { createSender } from '../agent/load/send.ts'
import { median, printTable } from './table.ts'

const CONNECTIONS = 64
const REQUESTS = 1280
const CHUNKS = 100
const ROUNDS = 3

interface Round {
  readonly seconds: number
  readonly cpu_s: number
  readonly chunks: number
}

async function timed(work: () => Promise<number>): Promise<Round> {
  const cpu = process.cpuUsage()
  const start = performance.now()
  const chunks = await work()
  const { user, system } = process.cpuUsage(cpu)
  return { seconds: (performance.now() - start) / 1000, cpu_s: (user + system) / 1e6, chunks }
}

/** So many at once until all are done. */
async function inParallel(one: () => Promise<number>): Promise<number> {
  let left = REQUESTS
  let chunks = 0
  await Promise.all(
    Array.from({ length: CONNECTIONS }, async () => {
      while (left-- > 0) {
        const n = await one()
        chunks += n
      }
    }),
  )
  return chunks
}

function bare(port: number): Promise<Round> {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS })
  const one = () =>
    new Promise<number>((resolve, reject) => {
      const request = httpRequest(
        { port, host: '127.0.0.1', path: '/v1/completions', method: 'POST', agent },
        (answer) => {
          let chunks = 0
          let rest = ''
          answer.setEncoding('utf8')
          answer.on('data', (text: string) => {
            const lines = (rest + text).split('\n')
            rest = lines.pop() ?? ''
            for (const line of lines) {
              if (!line.startsWith('data: {')) continue
              JSON.parse(line.slice(6))
              chunks++
            }
          })
          answer.on('end', () => resolve(chunks))
        },
      )
      request.on('error', reject)
      request.end('{}')
    })
  return timed(() => inParallel(one)).finally(() => agent.destroy())
}

async function generator(port: number): Promise<Round> {
  const sender = await createSender({
    clock: createClock(),
    base_url: `http://127.0.0.1:${port}/v1`,
    headers: {},
    timeout_s: 60,
    worker: 0,
  })
  const { signal } = new AbortController()
  setMaxListeners(0, signal)
  const body = Buffer.from('{}')
  const one = async () => {
    const row = await sender.send({
      planned: {
        request_id: 'r',
        prompt: '',
        requested_input_tokens: 1,
        requested_output_tokens: CHUNKS,
        prompt_sha256: '',
      },
      payload: { path: '/v1/completions', body },
      phase: 'measure',
      scheduled_t_ns: null,
      signal,
    })
    if (row.outcome !== 'ok') throw new Error(`${row.outcome}: ${row.error_message}`)
    return row.chunk_kind?.length ?? 0
  }
  const round = await timed(() => inParallel(one))
  await sender.close()
  return round
}

const server = fork(fileURLToPath(new URL('./stream-server.mjs', import.meta.url)), [
  String(CHUNKS),
])
const [port] = (await once(server, 'message')) as [number]
const rounds: { bare: Round; generator: Round }[] = []
// A first round of each compiles; then in turns, so that a busy machine hits both.
await bare(port)
await generator(port)
for (let i = 0; i < ROUNDS; i++)
  rounds.push({ bare: await bare(port), generator: await generator(port) })
server.kill()

const row = (name: 'bare' | 'generator') => ({
  rate: median(rounds.map((r) => r[name].chunks / r[name].seconds)),
  per_core: median(rounds.map((r) => r[name].chunks / r[name].cpu_s)),
})
const a = row('bare')
const b = row('generator')
const thousands = (n: number) => `${(n / 1000).toFixed(1)} k`
console.log(
  `${CONNECTIONS} connections, ${REQUESTS} requests of ${CHUNKS} chunks, one write a chunk; median of ${ROUNDS} rounds\n`,
)
printTable(
  ['reader', 'chunks/s', 'chunks per CPU second', 'against bare, per CPU second'],
  [
    ['node:http, split, JSON.parse', thousands(a.rate), thousands(a.per_core), '1.00'],
    [
      'load generator, whole records',
      thousands(b.rate),
      thousands(b.per_core),
      (b.per_core / a.per_core).toFixed(2),
    ],
  ],
)
