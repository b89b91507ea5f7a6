import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { IMPORTERS } from '../../analysis/importers/list.ts'
import { ROOT } from '../support/root.ts'
import { llemServer } from './program.ts'
import { tempDir } from './served.ts'

const FIXTURES = join(ROOT, 'test/fixtures/importers')
let dir: string
beforeAll(() => {
  dir = tempDir()
})
afterAll(() => rmSync(dir, { recursive: true, force: true }))

const run = (...args: string[]) => llemServer([...args, '--db', join(dir, 'lab.db')], { cwd: dir })

describe('llem-server import of other tools', () => {
  it('tells each file of a mixed folder by its content, and a dry run stores nothing', async () => {
    const { stdout, code } = await run('import', FIXTURES, '--dry-run', '--json')
    expect(code).toBe(0)
    const told = JSON.parse(stdout) as { files: { file: string; format: string | null }[] }
    const formats = new Set(told.files.map((f) => f.format))
    for (const { name } of IMPORTERS) expect(formats).toContain(name)
    expect(formats).not.toContain(null)
    expect(existsSync(join(dir, 'lab.db'))).toBe(false)
  })

  it('imports it, and again changes nothing', async () => {
    const first = JSON.parse((await run('import', FIXTURES, '--json')).stdout)
    expect(first.inserted).toBe(40)
    const again = JSON.parse((await run('import', FIXTURES, '--json')).stdout)
    expect(again).toMatchObject({ inserted: 0, same: 40 })
  })

  it('shows its rows beside each other, those with joules first, the invalid ones not ranked', async () => {
    const { stdout, code } = await run('leaderboard')
    expect(code).toBe(0)
    expect(stdout).toMatch(/smollm2 +H200 +2 +bf16 +7\.406/)
    // Four processes that each counted all four GPUs.
    expect(stdout).not.toContain('A100-SXM4-80GB')
    const unstable = await run('leaderboard', '--task', 'length-control')
    expect(unstable.stdout).toMatch(/SmolLM2-135M-Instruct .* 16 .* mlenergy \(1 caution\)\n/)
    expect(unstable.stderr).toMatch(/^1 more are not valid/)
  })

  it('a format that is forced on another tool’s file imports nothing and says so', async () => {
    const at = join(dir, 'other')
    mkdirSync(at)
    writeFileSync(join(at, 'x.json'), '{"a": 1}')
    const ended = await run('import', at, '--format', 'llenergymeasure')
    expect(ended.code).not.toBe(0)
    expect(ended.stderr).toContain('tells no number that is known here')
  })
})
