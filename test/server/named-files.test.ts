import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { MAX_FILE_BYTES, readBytes, readText } from '../../server/read-file.ts'
import { makePipe, specialFiles } from '../support/special-files.ts'
import { llemServer } from './program.ts'
import { tempDir } from './served.ts'

let dir: string
beforeEach(() => {
  dir = tempDir()
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

describe('a file that a person names', () => {
  it('is read whole, whatever size it states', () => {
    const path = join(dir, 'numbers')
    const bytes = Uint8Array.from({ length: 200_001 }, (_, i) => i % 251)
    writeFileSync(path, bytes)
    expect(Buffer.compare(readBytes(path, 'csv'), bytes)).toBe(0)
    writeFileSync(path, '')
    expect(readBytes(path, 'csv')).toHaveLength(0)
    if (process.platform === 'linux')
      expect(readText('/proc/self/status', 'lock')).toContain('VmPeak')
  })

  it('is refused beyond its bound', () => {
    const path = join(dir, 'lock')
    writeFileSync(path, 'x'.repeat(MAX_FILE_BYTES.lock + 1))
    expect(() => readText(path, 'lock')).toThrow('has 65537 bytes; at most 65536 are read')
  })
})

const SCENARIO = 'currency: EUR\n'
const NAMED: Record<string, string> = {
  'rows.yaml': `${SCENARIO}intensity: {series: {rows_file: pipe}}\n`,
  'spot.yaml': `${SCENARIO}tariff: {spot: {series_file: pipe}}\n`,
  'urdb.yaml': `${SCENARIO}tariff: {urdb_file: pipe, tz: Europe/Berlin}\n`,
  'self.yaml': 'a: &a [*a]\n',
}

describe('llem-server', () => {
  let dir: string
  beforeAll(async () => {
    dir = tempDir()
    specialFiles(dir)
    specialFiles(dir, '.tar.gz')
    mkdirSync(join(dir, 'submission'))
    makePipe(join(dir, 'submission/submission.json'))
    for (const [name, text] of Object.entries(NAMED)) writeFileSync(join(dir, name), text)
    await llemServer(['migrate', '--db', join(dir, 'llem.db')])
  })
  afterAll(() => rmSync(dir, { recursive: true, force: true }))

  it.each([
    [['scenario', 'put', './pipe']],
    [['scenario', 'put', '/dev/zero']],
    [['scenario', 'put', './big']],
    [['scenario', 'put', 'self.yaml']],
    [['scenario', 'put', 'rows.yaml']],
    [['scenario', 'put', 'spot.yaml']],
    [['scenario', 'put', 'urdb.yaml']],
    [['cost', 'last', '--scenario', './pipe']],
    [['sites', 'put', 'pipe']],
    [['sites', 'put', 'self.yaml']],
    [['totals', '--sites', '/dev/zero']],
    [['import', 'pipe']],
    [['import', 'pipe.tar.gz']],
    [['import', '/dev/zero']],
    [['import', 'pipe', '--format', 'answers']],
    [['reconcile', 'last', 'pipe']],
    [['reconcile', 'last', 'big']],
    [['verify', 'submission']],
    [['runs', '--db', 'pipe']],
    [['serve', '--db', '/dev/zero', '--port', '0']],
  ])('%j is one sentence and exit 2', async (args) => {
    const { code, stdout, stderr } = await llemServer(args, {
      cwd: dir,
      env: args.includes('--db') ? {} : { LLEM_DB: join(dir, 'llem.db') },
    })
    expect(stderr).toMatch(
      /^[^\n]*(is a pipe|is a device|has 80000000 bytes|alias within its own)[^\n]*\n$/,
    )
    expect(stdout).toBe('')
    expect(code).toBe(2)
  })

  it('takes no file of results for a table that has no lines', async () => {
    const { code, stderr } = await llemServer([
      'import',
      join(dir, 'big'),
      '--db',
      join(dir, 'llem.db'),
    ])
    expect(stderr).toContain('big is neither JSON nor CSV')
    expect(code).toBe(1)
  })

  it('does not wait for a pipe in the place of a lock file', async () => {
    const db = join(dir, 'other.db')
    makePipe(`${db}.lock`)
    const { code, stderr } = await llemServer(['serve', '--db', db, '--port', '0'])
    expect(stderr).toBe(`${db}.lock is a pipe; give a plain file.\n`)
    expect(code).toBe(2)
  })
})
