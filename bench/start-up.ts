import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { median, printTable } from './table.ts'

// What a person waits for before anything happens, as a ratio to Node's own start. Run: npx tsx bench/start-up.ts
const AGENT = fileURLToPath(new URL('../dist/bin/llem-agent.js', import.meta.url))
const SERVER = fileURLToPath(new URL('../dist/bin/llem-server.js', import.meta.url))
const ROUNDS = 15

const commands: readonly [string, readonly string[]][] = [
  ['node -e 0', ['-e', '0']],
  ['llem-agent --help', [AGENT, '--help']],
  ['llem-agent config validate', [AGENT, 'config', 'validate', 'quick-test']],
  ['llem-server --help', [SERVER, '--help']],
]

function seconds(args: readonly string[]): number {
  const start = performance.now()
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${args.join(' ')} ended with ${status}: ${stderr}`)
  return performance.now() - start
}

// Round robin, so that what else the machine does hits all of them alike.
const times = commands.map(() => [] as number[])
for (let round = 0; round < ROUNDS; round++)
  for (const [i, [, args]] of commands.entries()) times[i]?.push(seconds(args))
const base = median(times[0] ?? [])
printTable(
  ['command', 'median ms', 'ratio to node -e 0', 'goal'],
  commands.map(([name], i) => {
    const ms = median(times[i] ?? [])
    return [name, ms.toFixed(0), (ms / base).toFixed(2), i === 0 ? '' : 'at most 3.5']
  }),
)
