import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createClock } from '../agent/clock.ts'
import { openWindowServer } from '../agent/windows/window-server.ts'
import { printTable } from './table.ts'

// What a marked window costs the program that marks it, beside two bare writes to the same socket. Run: npx tsx bench/windows.ts
const ROOT = fileURLToPath(new URL('..', import.meta.url))
/** A window each millisecond, as a program that marks its steps would: the costs are those of a warm program. */
const WINDOWS = 5_000

const PYTHON = `
import json, os, socket, time
from llem_windows import begin, end

def costs(work):
    for _ in range(200): work()
    found = []
    for _ in range(${WINDOWS}):
        t = time.perf_counter_ns()
        work()
        found.append((time.perf_counter_ns() - t) / 1000)
        time.sleep(0.001)
    found.sort()
    return found

def mark():
    end(begin("step"), tokens=1)
bare = socket.socket(socket.AF_UNIX)
bare.connect(os.environ["LLEM_WINDOWS"])
line = b'{"begin": "step", "id": 12345, "t_ns": 1234567890123456}' + b" " * 8 + b"\\n"
def write():
    bare.send(line)
    bare.send(line)
print(json.dumps({"mark": costs(mark), "write": costs(write)}))
`

const dir = mkdtempSync(join(tmpdir(), 'llem-bench-w-'))
const server = await openWindowServer(join(dir, 'w.sock'))
let taken = 0
server.recordTo({
  clock: createClock(),
  onWindow: () => {
    taken++
  },
  onError: () => {},
})

const child = spawn('python3', ['-c', PYTHON], {
  env: { ...process.env, LLEM_WINDOWS: server.path, PYTHONPATH: join(ROOT, 'clients/python') },
  stdio: ['ignore', 'pipe', 'inherit'],
})
let out = ''
child.stdout.on('data', (part) => {
  out += part
})
await new Promise((done) => child.once('close', done))
const { mark, write } = JSON.parse(out) as { mark: number[]; write: number[] }
await server.close()
rmSync(dir, { recursive: true })

const at = (sorted: number[], p: number) => sorted[Math.floor(p * (sorted.length - 1))] as number
const row = (what: string, costs: number[]) => [
  what,
  at(costs, 0.5).toFixed(0),
  at(costs, 0.99).toFixed(0),
  (at(costs, 0.5) / at(write, 0.5)).toFixed(1),
]
printTable(
  ['begin and end of a window', 'median us', 'p99 us', 'ratio to two writes', 'goal'],
  [
    [...row('two bare writes to the socket', write), ''],
    [...row('llem_windows.py', mark), 'below 1000 us'],
  ],
)
console.log(`${taken} marks arrived of ${2 * (WINDOWS + 200)}.`)
