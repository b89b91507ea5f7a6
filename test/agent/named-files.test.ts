import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readCalibrations } from '../../agent/calibrate/store.ts'
import { loadStudy } from '../../agent/config-file.ts'
import { readGguf } from '../../agent/engines/gguf.ts'
import { loadLibrary } from '../../agent/ffi/native-library.ts'
import { MAX_FILE_BYTES, readText } from '../../agent/read-file.ts'
import { ConfigError } from '../../analysis/schema/study.ts'
import { AGENT, type Home, makeHome, run } from '../support/programs.ts'
import { makePipe, specialFiles } from '../support/special-files.ts'

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'llem-files-'))
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

describe('a file that a person names', () => {
  it('is read up to its bound and no further', () => {
    const path = join(dir, 'study.yaml')
    const most = MAX_FILE_BYTES.configuration
    writeFileSync(path, '#'.repeat(most))
    expect(readText(path, 'configuration')).toHaveLength(most)
    writeFileSync(path, '#'.repeat(most + 1))
    expect(() => readText(path, 'configuration')).toThrow(
      `has ${most + 1} bytes; at most ${most} are read of such a file`,
    )
  })

  it('may state no size, as those of /proc do', () => {
    if (process.platform !== 'linux') return
    expect(readText('/proc/self/status', 'configuration')).toContain('VmPeak')
  })

  it('is refused in words where it has no end, or is no file', () => {
    const { pipe, big } = specialFiles(dir)
    const words = (path: string) => {
      try {
        loadStudy(path, [])
      } catch (error) {
        if (error instanceof ConfigError) return error.message
        throw error
      }
      return 'taken'
    }
    expect(words(pipe)).toBe(`${pipe}: is a pipe; give a plain file`)
    expect(words('/dev/zero')).toBe('/dev/zero: is a device; give a plain file')
    expect(words(big)).toBe(`${big}: has 80000000 bytes; at most 262144 are read of such a file`)
    expect(words(dir)).toBe(`${dir}: is a folder; give the name of a file`)
  })

  it('is refused as a model too, and as a library', async () => {
    const { pipe } = specialFiles(dir)
    await expect(readGguf(pipe)).rejects.toThrow(
      `The model file ${pipe} is a pipe; give a plain file`,
    )
    await expect(readGguf('/dev/zero')).rejects.toThrow('The model file /dev/zero is a device')
    const { library, ...rest } = await loadLibrary([pipe], -1)
    expect(library).toBeNull()
    expect(rest).toEqual({ tried: [`${pipe}: is a pipe; give a plain file`] })
  })

  it('is refused as a list of calibrations', async () => {
    makePipe(join(dir, 'calibrations.json'))
    await expect(readCalibrations(dir)).rejects.toThrow('calibrations.json: is a pipe')
  })
})

describe('llem-agent', () => {
  let home: Home
  beforeEach(() => {
    home = makeHome()
  })
  afterEach(() => home.remove())

  it.each([
    ['config', 'show', 'pipe'],
    ['run', 'pipe'],
    ['run', '/dev/zero'],
    ['run', 'big'],
    ['run', 'quick-test', '--set', 'load=&a {b: *a}'],
    ['run', 'quick-test', '--no-server', '--set', 'model.path=pipe'],
    ['calibrate', '--config', 'pipe'],
  ])('%s %s %s is one sentence and exit 2', async (...args) => {
    specialFiles(home.dir)
    const { code, stdout, stderr } = await run(AGENT, args, home)
    const lines = stderr.trim().split('\n')
    expect(lines.at(-1)).toMatch(/is a pipe|is a device|has 80000000 bytes|alias within its own/)
    expect(stderr).not.toMatch(/^ {4}at /m)
    expect(stdout).toBe('')
    expect(code).toBe(2)
  })

  it('reads standard input up to the same bound', async () => {
    const { code, stderr } = await run(AGENT, ['config', 'show', '-'], home, {
      input: '#'.repeat(300_000),
    })
    expect(stderr).toBe('-: has more than 262144 bytes, the most that is read of such a file\n')
    expect(code).toBe(2)
  })
})
