import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, expect, test } from 'vitest'
import { isAlive, processIdentity } from '../../agent/process-alive.ts'

describe('isAlive', () => {
  test('this process is alive', () => {
    expect(isAlive(processIdentity())).toBe(true)
  })
  test('a killed child is dead', async () => {
    const child = spawn('sleep', ['60'])
    const identity = processIdentity(child.pid)
    expect(isAlive(identity)).toBe(true)
    child.kill('SIGKILL')
    await once(child, 'exit')
    expect(isAlive(identity)).toBe(false)
  })
  test.skipIf(process.platform !== 'linux')('a later process with the same pid is another', () => {
    const identity = processIdentity()
    expect(identity.started).toMatch(/^\d+$/)
    expect(isAlive({ pid: identity.pid, started: '1' })).toBe(false)
    expect(isAlive({ pid: identity.pid, started: null })).toBe(true)
  })
  test('a process of another user counts as alive', () => {
    expect(isAlive(processIdentity(1))).toBe(true)
  })
  test.each([0, -1, 1.5, Number.NaN, 2 ** 31 - 1])('%s is no running process', (pid) => {
    expect(isAlive({ pid, started: null })).toBe(false)
  })
})
