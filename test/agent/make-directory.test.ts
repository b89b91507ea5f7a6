import { existsSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { makeDirectories } from '../../agent/make-directory.ts'
import { AGENT, makeHome, run } from '../support/programs.ts'

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'llem-made-'))
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

const codeOf = (path: string): string | undefined => {
  try {
    makeDirectories(path)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code
  }
  return 'made'
}

describe('directories', () => {
  it('are made with those above them, and may be there', () => {
    expect(makeDirectories(join(dir, 'a/b'), 0o700)).toEqual([join(dir, 'a'), join(dir, 'a/b')])
    expect(statSync(join(dir, 'a/b')).mode & 0o777).toBe(0o700)
    expect(makeDirectories(join(dir, 'a/b'))).toEqual([])
    expect(makeDirectories('/')).toEqual([])
  })

  it('are refused through a file and through a link that leads nowhere', () => {
    writeFileSync(join(dir, 'file'), '')
    symlinkSync(join(dir, 'nowhere'), join(dir, 'link'))
    expect(codeOf(join(dir, 'file'))).toBe('EEXIST')
    expect(codeOf(join(dir, 'file/a'))).toBe('ENOTDIR')
    expect(codeOf(join(dir, 'link/a'))).toBe('EEXIST')
    expect(existsSync(join(dir, 'nowhere'))).toBe(false)
  })

  it.runIf(process.platform === 'linux')('are refused below /proc, at once', async () => {
    expect(codeOf('/proc/x/y')).toBe('ENOENT')
    const home = makeHome()
    try {
      const { code, stderr } = await run(AGENT, ['run', '--no-server', '--out', '/proc/x'], home)
      expect(stderr).toBe(
        "--out: /proc/x can't be written (ENOENT); give --out a folder that can\n",
      )
      expect(code).toBe(2)
    } finally {
      home.remove()
    }
  })
})
