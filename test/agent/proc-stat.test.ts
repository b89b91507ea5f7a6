import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hasEnded, listPids, parseProcStat, procStat } from '../../agent/proc-stat.ts'
import { processLine } from '../../agent/process-line.ts'
import { childrenOf } from '../../agent/process-tree.ts'

/** As Linux 6 writes it: field 22 is the start. */
const line = (pid: number, name: string, state: string, parent: number, group: number) =>
  `${pid} (${name}) ${state} ${parent} ${group} 7 0 -1 4194560 121 0 0 0 3 1 0 0 20 0 1 0 8461 2703360 320 1\n`

describe('the line of a process', () => {
  test.each(['node', 'tmux: server', '(sd-pam)', 'a) Z 1 1 (b', 'Web Content)', ') ', ''])(
    'is read whatever its name: %j',
    (name) => {
      expect(parseProcStat(line(70, name, 'S', 60, 65))).toEqual({
        ...{ name, state: 'S', parent: 60, group: 65, started: '8461' },
      })
    },
  )
  test.each(['', '70', '70 (node)', '70 (node) S', '70 (node) S 60'])('is not %j', (text) => {
    expect(parseProcStat(text)).toBeNull()
  })
  test('that is shorter tells no start', () => {
    expect(parseProcStat('70 (node) S 60 65')).toMatchObject({ group: 65, started: null })
  })
  test.each([
    ['R', false],
    ['S', false],
    ['D', false],
    ['Z', true],
    ['X', true],
  ])('of state %s: ended is %s', (state, ended) => {
    const stat = parseProcStat(line(70, 'node', state, 60, 65))
    expect(stat !== null && hasEnded(stat)).toBe(ended)
  })
})

describe('a tree of processes', () => {
  let proc: string
  beforeAll(() => {
    proc = mkdtempSync(join(tmpdir(), 'llem-proc-'))
    for (const [pid, name, parent] of [
      [60, 'tmux: server', 1],
      [70, 'a) Z 1 1 (b', 60],
    ] as const) {
      mkdirSync(join(proc, String(pid)))
      writeFileSync(join(proc, String(pid), 'stat'), line(pid, name, 'S', parent, 60))
    }
    writeFileSync(join(proc, 'uptime'), '1 1')
  })
  afterAll(() => rmSync(proc, { recursive: true, force: true }))

  test('lists processes and nothing else', () => {
    expect(listPids(proc).sort()).toEqual([60, 70])
    expect(listPids(join(proc, 'none'))).toEqual([])
  })
  test('tells of each, and of one that is gone nothing', () => {
    expect(procStat(70, proc)).toMatchObject({ name: 'a) Z 1 1 (b', parent: 60 })
    expect(procStat(71, proc)).toBeNull()
    expect(processLine(proc, 70)).toEqual({ name: 'a) Z 1 1 (b', ancestors: [60], group: 60 })
  })
  test.skipIf(process.platform !== 'linux')('of this system holds this process', async () => {
    expect(procStat(process.pid)?.parent).toBe(process.ppid)
    const child = spawn('sleep', ['60'])
    expect(childrenOf(process.pid)).toContain(child.pid)
    child.kill('SIGKILL')
    await once(child, 'exit')
    expect(childrenOf(process.pid)).not.toContain(child.pid)
  })
})
