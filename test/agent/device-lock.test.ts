import { fork, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { LockError, lockDevices } from '../../agent/device-lock.ts'
import { Interrupted } from '../../agent/interrupt.ts'
import { procStat } from '../../agent/proc-stat.ts'
import { makePipe } from '../support/special-files.ts'

let stateDir: string
let said: string[]

beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), 'llem-lock-'))
  said = []
})
afterEach(() => rmSync(stateDir, { recursive: true, force: true }))

const lock = (
  ids: readonly string[],
  signal = new AbortController().signal,
  more: { limit_s?: number } = {},
) =>
  lockDevices(ids, {
    stateDir,
    signal,
    run_id: 'run-1',
    say: (text) => said.push(text),
    retry_ms: 5,
    ...more,
  })

describe('the lock of a device', () => {
  it('is had by one at a time; the second waits and says for whom', async () => {
    const unlock = await lock(['GPU-a'])
    let got = false
    const second = lock(['GPU-a']).then((u) => {
      got = true
      return u
    })
    await new Promise((r) => setTimeout(r, 50))
    expect(got).toBe(false)
    expect(said).toHaveLength(1)
    expect(said[0]).toMatch(
      new RegExp(
        `^GPU-a is being measured by process ${process.pid} \\(llem-agent.*\\), run run-1, since 20\\d\\d-.*Z\\. Waiting for it to end\\.$`,
      ),
    )
    unlock()
    ;(await second)()
  })

  it('of a process that is gone is void', async () => {
    const child = spawn(process.execPath, ['-e', ''])
    await new Promise((r) => child.once('exit', r))
    mkdirSync(join(stateDir, 'locks'))
    writeFileSync(
      join(stateDir, 'locks/GPU-a.json'),
      JSON.stringify({ pid: child.pid, started: '1' }),
    )
    ;(await lock(['GPU-a']))()
    expect(said).toEqual([])
  })

  it('of a killed agent is void at once', async () => {
    const child = fork(fileURLToPath(new URL('./lock-child.ts', import.meta.url)), [stateDir], {
      execArgv: ['--import', 'tsx'],
    })
    await new Promise((r) => child.once('message', r))
    const waiting = lock(['GPU-a'])
    while (said.length === 0) await new Promise((r) => setTimeout(r, 5))
    expect(said[0]).toContain(
      `GPU-a is being measured by process ${child.pid} (llem-agent ${stateDir}), since`,
    )
    child.kill('SIGKILL')
    ;(await waiting)()
  })

  it('of an earlier process with the same pid is void', async () => {
    mkdirSync(join(stateDir, 'locks'))
    writeFileSync(
      join(stateDir, 'locks/GPU-a.json'),
      JSON.stringify({ pid: process.pid, started: '1' }),
    )
    ;(await lock(['GPU-a']))()
  })

  it('is waited for no longer than its limit, and the error shows who holds it', async () => {
    const unlock = await lock(['GPU-a'])
    const late = lock(['GPU-b', 'GPU-a'], undefined, { limit_s: 0.02 })
    await expect(late).rejects.toThrow(LockError)
    await expect(late).rejects.toThrow(
      new RegExp(
        `^GPU-a is still being measured by process ${process.pid} \\(llem-agent.*, run run-1, since .*Z, after a wait of 0.02 s\\. `,
      ),
    )
    unlock()
    expect(readdirSync(join(stateDir, 'locks'))).toEqual([])
  })

  it('of an earlier version, which wrote less, holds too', async () => {
    mkdirSync(join(stateDir, 'locks'))
    const path = join(stateDir, 'locks/GPU-a.json')
    writeFileSync(path, JSON.stringify({ pid: process.pid, started: null }))
    await expect(lock(['GPU-a'], undefined, { limit_s: 0 })).rejects.toThrow(
      `GPU-a is still being measured by process ${process.pid}, after a wait of 0 s.`,
    )
  })

  it.runIf(process.platform === 'linux')('shows that its holder is stopped', async () => {
    const child = fork(fileURLToPath(new URL('./lock-child.ts', import.meta.url)), [stateDir], {
      execArgv: ['--import', 'tsx'],
    })
    try {
      await new Promise((r) => child.once('message', r))
      child.kill('SIGSTOP')
      while (procStat(child.pid as number)?.state !== 'T')
        await new Promise((r) => setTimeout(r, 5))
      await expect(lock(['GPU-a'], undefined, { limit_s: 0 })).rejects.toThrow(
        `(llem-agent ${stateDir}, stopped: kill -CONT lets it go on)`,
      )
    } finally {
      child.kill('SIGKILL')
    }
  })

  it('that nobody can read is void', async () => {
    mkdirSync(join(stateDir, 'locks'))
    makePipe(join(stateDir, 'locks/GPU-a.json'))
    ;(await lock(['GPU-a']))()
    expect(said).toEqual([])
  })

  it('is given up when the wait is aborted', async () => {
    const unlock = await lock(['GPU-a'])
    const abort = new AbortController()
    const second = lock(['GPU-b', 'GPU-a'], abort.signal)
    setTimeout(() => abort.abort(), 20)
    await expect(second).rejects.toThrow(Interrupted)
    unlock()
    await new Promise((r) => setTimeout(r, 50))
    expect(readdirSync(join(stateDir, 'locks'))).toEqual([])
  })

  it('never goes to two of many that ask at once', async () => {
    let holders = 0
    let most = 0
    await Promise.all(
      Array.from({ length: 12 }, async () => {
        const unlock = await lock(['GPU-a', 'GPU-b'])
        most = Math.max(most, ++holders)
        await new Promise((r) => setTimeout(r, 3))
        holders--
        unlock()
      }),
    )
    expect(most).toBe(1)
  })
})
