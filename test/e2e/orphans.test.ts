import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hasEnded, procStat } from '../../agent/proc-stat.ts'
import { childrenOf } from '../../agent/process-tree.ts'
import { buildFakeNvml, writeScript } from '../support/fake-nvml/fake-nvml.ts'
import { AGENT, type Home, makeHome, run, type Started, start } from '../support/programs.ts'
import { ROOT } from '../support/root.ts'

const ENGINE = join(ROOT, 'test/support/openai-server.mjs')
/** An engine with a worker that hears no TERM. */
const WITH_WORKER = [
  'sh',
  '-c',
  `trap '' TERM; sleep 600 & exec '${process.execPath}' '${ENGINE}' --port {port}`,
]
const phases = { baseline_s: 0, idle_s: 0, warmup: 0, drain_s: 1, cooldown_s: 0 }
const common = { load: { concurrency: 1, duration_s: 120 }, data: { input_tokens: 16 }, phases }
const STUDIES = {
  launched: {
    ...common,
    model: 'double',
    engine: {
      name: 'openai',
      launcher: 'command',
      command: WITH_WORKER,
      base_url: 'http://127.0.0.1:{port}/v1',
    },
  },
  embedded: { ...common, model: 'random-tiny', engine: 'embedded' },
}

let dir: string
let home: Home
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'llem-orphans-'))
  home = makeHome({
    LLEM_NVML_PATH: buildFakeNvml(dir),
    FAKE_NVML_SCRIPT: writeScript(dir, [[0, 0, 'power_mw', 100_000]]),
  })
})
afterAll(() => {
  home.remove()
  rmSync(dir, { recursive: true, force: true })
})

/** Starts a run and waits until its engine is under load. */
async function underLoad(kind: keyof typeof STUDIES): Promise<Started> {
  writeFileSync(join(home.dir, 'study.json'), JSON.stringify(STUDIES[kind]))
  const started = start(AGENT, ['run', 'study.json', '--json'], home)
  let said = ''
  await Promise.race([
    new Promise<void>((resolve) =>
      started.child.stderr?.on('data', (part) => {
        said += part
        if (/^measure /m.test(said)) resolve()
      }),
    ),
    started.ended.then(({ stderr }) => Promise.reject(new Error(stderr))),
  ])
  return started
}

const runs = (pid: number): boolean => {
  const stat = procStat(pid)
  return stat !== null && !hasEnded(stat)
}
const commandOf = (pid: number): string => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
  } catch {
    return ''
  }
}
async function untilGone(pids: readonly number[]): Promise<void> {
  while (pids.some(runs)) await new Promise((r) => setTimeout(r, 50))
}

describe.runIf(process.platform === 'linux')('what an agent started', () => {
  it.each(['launched', 'embedded'] as const)(
    'ends with it when it is killed (%s engine), and the GPU is free for the next',
    async (kind) => {
      const { child, ended } = await underLoad(kind)
      const below = childrenOf(child.pid as number)
      const commands = below.map(commandOf).join('\n')
      expect(commands).toContain(kind === 'launched' ? 'sleep 600' : 'embedded-worker')
      expect(commands).toContain('llem-server')
      const locks = readdirSync(join(home.dir, 'state/llem/locks'))
      expect(locks).toHaveLength(1)
      child.kill('SIGKILL')
      await ended
      await untilGone(below)
      // The lock of the dead is still there, and holds nobody up.
      expect(readdirSync(join(home.dir, 'state/llem/locks'))).toEqual(locks)
      const next = await run(AGENT, ['measure', '--json', '--', 'true'], home)
      expect([0, 3], next.stderr).toContain(next.code)
      expect(next.stderr).not.toContain('is being measured by')
      expect(readdirSync(join(home.dir, 'state/llem/locks'))).toEqual([])
    },
    60_000,
  )

  it('ends with the run when the first process of its engine is killed', async () => {
    const { child, ended } = await underLoad('launched')
    const below = childrenOf(child.pid as number)
    const engine = below.find((pid) => commandOf(pid).includes(ENGINE)) as number
    const worker = below.find((pid) => commandOf(pid).startsWith('sleep 600')) as number
    process.kill(engine, 'SIGKILL')
    const { code, stderr } = await ended
    expect(code, stderr).toBe(1)
    expect(stderr).toContain('The engine ended by itself (SIGKILL)')
    expect(runs(worker)).toBe(false)
    await untilGone(below)
  }, 60_000)
})
