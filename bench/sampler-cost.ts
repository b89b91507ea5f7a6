import { fork } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { buildFakeNvml } from '../test/support/fake-nvml/fake-nvml.ts'
import type { Cost, CostOrder } from './sampler-cost-child.ts'
import { printTable } from './table.ts'

// What watching costs: CPU time of a process that only samples 8 fake GPUs, against one that does nothing.
// Run: npx tsx bench/sampler-cost.ts [SECONDS]
const SOURCE = fileURLToPath(new URL('./sampler-cost-child.ts', import.meta.url))
const WORKER = fileURLToPath(new URL('../agent/sampler-worker.ts', import.meta.url))
/** Bundled like the agent itself; within the repository, where koffi is found. */
const CHILD = fileURLToPath(new URL('../dist/bench/sampler-cost-child.mjs', import.meta.url))
const GPUS = 8
const GOAL_PCT = 1

const BOTH = { cadences: ['ring', 'gauge'], interval_ms: 100 } as const
const ORDERS: readonly (CostOrder & { readonly name: string; readonly goal: string })[] = [
  { name: 'nothing', cadences: [], interval_ms: 1000, thread: false, goal: '' },
  { name: 'ring once a second', cadences: ['ring'], interval_ms: 1000, thread: false, goal: '' },
  { name: 'and gauges at 10 Hz', ...BOTH, thread: false, goal: '' },
  {
    name: 'both in a thread of their own',
    ...BOTH,
    thread: true,
    goal: `at most ${GOAL_PCT}`,
  },
]

function measure(order: CostOrder, seconds: number, library: string): Promise<Cost> {
  return new Promise((resolve, reject) => {
    const child = fork(CHILD, [JSON.stringify({ ...order, seconds })], {
      execArgv: [],
      env: { ...process.env, LLEM_NVML_PATH: library, FAKE_NVML_GPUS: String(GPUS) },
    })
    child.once('message', (cost) => resolve(cost as Cost))
    child.once('exit', (code) => reject(new Error(`the sampling process ended with ${code}`)))
  })
}

export async function main(seconds: number): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'llem-sampler-cost-'))
  try {
    const library = buildFakeNvml(dir)
    await build({
      entryPoints: { 'sampler-cost-child': SOURCE, 'sampler-worker': WORKER },
      outdir: dirname(CHILD),
      outExtension: { '.js': '.mjs' },
      bundle: true,
      splitting: true,
      platform: 'node',
      format: 'esm',
      external: ['koffi'],
    })
    // One after another: side by side they would slow each other down.
    const rows: string[][] = []
    for (const order of ORDERS) {
      const cost = await measure(order, seconds, library)
      rows.push([
        order.name,
        (cost.rows / cost.wall_s).toFixed(0),
        (cost.cpu_s / cost.wall_s).toFixed(5),
        ((100 * cost.cpu_s) / cost.wall_s).toFixed(2),
        order.goal,
      ])
    }
    printTable([`${GPUS} GPUs`, 'rows/s', 'CPU s per s', '% of a core', 'goal, %'], rows)
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

await main(Number(process.argv[2] ?? 20))
