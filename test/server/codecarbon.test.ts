import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { codecarbon } from '../../analysis/importers/codecarbon.ts'
import { imported, importText } from '../support/importing.ts'
import { llemServer } from './program.ts'
import { RUN_ID, runText, sampleChunks } from './sample-run.ts'
import { tempDir } from './served.ts'

let dir: string
let db: string
beforeAll(async () => {
  dir = tempDir()
  db = join(dir, 'lab.db')
  const at = join(dir, 'run')
  mkdirSync(at, { recursive: true })
  writeFileSync(join(at, 'run.json'), runText())
  for (const c of sampleChunks()) {
    mkdirSync(join(at, `streams/p0/${c.stream}`), { recursive: true })
    writeFileSync(join(at, `streams/p0/${c.stream}/${c.seq}.arrow`), c.bytes)
  }
  expect((await llemServer(['import', at, '--db', db])).code).toBe(0)
})
afterAll(() => rmSync(dir, { recursive: true, force: true }))

const cli = (...args: string[]) => llemServer([...args, '--db', db], { cwd: dir })

describe('llem-server export --format codecarbon', () => {
  it('writes a row that CodeCarbon’s readers know, with the PUE in its energies', async () => {
    const out = join(dir, 'out')
    const place = ['--g_per_kwh', '200', '--pue', '1.2']
    const ended = await cli('export', 'last', '--format', 'codecarbon', '--out', out, ...place)
    expect(ended.code, ended.stderr).toBe(0)
    const text = readFileSync(join(out, 'emissions.csv'), 'utf8')
    const [header = '', row = ''] = text.split('\n')
    expect(header.split(',')).toHaveLength(38)
    const cell = (name: string) => row.split(',')[header.split(',').indexOf(name)]
    // 300 W over the 15 s of the window
    expect(Number(cell('gpu_energy'))).toBeCloseTo((4500 / 3.6e6) * 1.2, 12)
    expect(Number(cell('gpu_power'))).toBeCloseTo(300 * 1.2, 6)
    expect(Number(cell('emissions'))).toBeCloseTo((4500 / 3.6e6) * 1.2 * 0.2, 12)
    expect([cell('cpu_energy'), cell('ram_energy'), cell('python_version')]).toEqual(['', '', ''])
    expect(cell('run_id')).toBe(RUN_ID)
    const beside = JSON.parse(readFileSync(join(out, 'emissions.provenance.json'), 'utf8'))
    expect(beside.runs[0]).toMatchObject({
      energies: { gpu: { how: 'power_integral' }, cpu: { energy_j: null } },
      factor: { g_per_kwh: 200 },
    })
    // Its own importer reads the joules of the machine back.
    const [result] = imported(codecarbon, importText('emissions.csv', text)).results
    expect(result?.metrics['energy_gpu_j']?.value).toBeCloseTo(4500, 6)
  })

  it('has no emissions where no place was named, and says so', async () => {
    const out = join(dir, 'mine.csv')
    expect((await cli('export', 'last', '--format', 'codecarbon', '--out', out)).code).toBe(0)
    const [header = '', row = ''] = readFileSync(out, 'utf8').split('\n')
    expect(row.split(',')[header.split(',').indexOf('emissions')]).toBe('')
    expect(readFileSync(join(dir, 'mine.provenance.json'), 'utf8')).toContain('no place was named')
  })
})

describe('llem-server reconcile', () => {
  const csv = (rows: readonly string[]) => {
    const path = join(dir, 'theirs.csv')
    const header =
      'timestamp,duration,emissions,cpu_energy,gpu_energy,ram_energy,energy_consumed,pue'
    writeFileSync(path, `${[header, ...rows].join('\n')}\n`)
    return path
  }
  // 4600 J of the GPU, 100 J of memory at a PUE of 1.5; 300 g/kWh
  const kwh = (j: number) => (j * 1.5) / 3.6e6
  const row = `2026-01-31T12:00:25,20,${kwh(4700) * 0.3},0,${kwh(4600)},${kwh(100)},${kwh(4700)},1.5`

  it('goes from our figure to theirs in steps that add up', async () => {
    const said = ['--span', 'window', '--g_per_kwh', '200', '--pue', '1.2', '--json']
    const ended = await cli('reconcile', 'last', csv([row]), ...said)
    expect(ended.code, ended.stderr).toBe(0)
    const told = JSON.parse(ended.stdout)
    const line = (name: string) => told.lines.find((l: { line: string }) => l.line === name)
    expect(line('gpu')).toMatchObject({ ours: 4500 })
    expect(line('gpu').delta_kwh).toBeCloseTo((100 * 1.2) / 3.6e6, 12)
    expect(line('pue').delta_kwh).toBeCloseTo((4700 * 0.3) / 3.6e6, 12)
    expect(line('factor').delta_g).toBeCloseTo(kwh(4700) * 100, 9)
    const sum = told.lines.reduce((a: number, l: { delta_g: number }) => a + l.delta_g, 0)
    expect(told.ours_g + sum).toBeCloseTo(told.theirs_g, 9)
  })

  it('is a table for people', async () => {
    const { stdout } = await cli('reconcile', 'last', csv([row]), '--span', 'window')
    expect(stdout).toMatch(/^ours +1\.25 Wh/m)
    expect(stdout).toMatch(/^CodeCarbon +1\.958 Wh/m)
  })

  it('refuses a shifted row, a row that is not there, and another file', async () => {
    const shifted = await cli('reconcile', 'last', csv([row.replace(',20,', ',')]))
    expect(shifted).toMatchObject({ code: 1 })
    expect(shifted.stderr).toContain('is shifted: it has 7 values for 8 names')
    const two = await cli('reconcile', 'last', csv([row, row]))
    expect(two).toMatchObject({ code: 2 })
    expect(two.stderr).toContain('has 2 rows. Say which: --row 1 to 2')
    const other = await cli('reconcile', 'last', join(dir, 'run/run.json'))
    expect(other).toMatchObject({ code: 1 })
    expect(other.stderr).toContain('is no emissions.csv')
  })
})
