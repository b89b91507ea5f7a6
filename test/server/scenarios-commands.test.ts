import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { runLedgerSchema } from '../../analysis/schema/cost.ts'
import { bestHoursSchema } from '../../analysis/schema/cost-hours.ts'
import { statementSchema, verificationSchema } from '../../analysis/schema/statement.ts'
import { storedScenarioSchema, storedSitesSchema } from '../../analysis/schema/stored.ts'
import { totalsSchema } from '../../analysis/schema/totals.ts'
import { ROOT } from '../support/root.ts'
import { llemServer } from './program.ts'
import { RUN_ID } from './sample-run.ts'
import { type Served, sendRun, served } from './served.ts'

let server: Served
beforeAll(async () => {
  server = await served()
  await sendRun(server.api, RUN_ID)
  cpSync(join(ROOT, 'examples/scenarios'), join(server.dir, 'examples'), { recursive: true })
})
afterAll(() => server.close())

const run = (...args: string[]) =>
  llemServer([...args, '--db', join(server.dir, 'llem.db')], { cwd: server.dir })
const good = async (...args: string[]) => {
  const { code, stdout, stderr } = await run(...args)
  expect([code, stderr], args.join(' ')).toEqual([0, ''])
  return stdout
}
const file = (name: string, text: string): string => {
  writeFileSync(join(server.dir, name), text)
  return name
}
const LAB = 'scenario_version: 1\nid: lab\nintensity: { factor: { value: 400, source: mine } }\n'
const SITES = 'sites: [{ site: berlin, hosts: [node-*], from: 2026-01-01, zone: DE, pue: 1.5 }]\n'

describe('llem-server scenario', () => {
  it('puts, lists and shows versions', async () => {
    expect(await good('scenario', 'list')).toBe(
      'No scenarios are stored. Store one: llem-server scenario put FILE\n',
    )
    const one = file('lab.yaml', `${LAB}pue: 1.5\n`)
    expect(await good('scenario', 'put', one)).toMatch(
      /^Stored lab@1 \(sha256 [0-9a-f]{64}\)\. Use it: --scenario lab\n$/,
    )
    expect(await good('scenario', 'put', one)).toMatch(/^Stored already: lab@1 is the same/)
    file('lab.yaml', `${LAB}title: better cooling\npue: 1.2\n`)
    const { done, version } = JSON.parse(await good('scenario', 'put', one, '--json'))
    expect([done, version]).toEqual(['added', 2])
    expect(await good('scenario', 'list')).toMatch(
      /^SCENARIO +PUT +BY +SHA256 +TITLE\nlab@2 +\d{4}-\S+ +local +[0-9a-f]{12} +better cooling\nlab@1 /,
    )
    const shown = storedScenarioSchema.parse(
      JSON.parse(await good('scenario', 'show', 'lab', '--json')),
    )
    const api = await fetch(`${server.api}/scenarios/lab`)
    expect(shown).toEqual(await api.json())
  })

  it.each(['berlin', 'cloud-us-west', 'hourly'])(
    'takes in %s with the files that it names, and what it shows is the same when put again',
    async (name) => {
      await good('scenario', 'put', `examples/${name}.yaml`)
      const text = await good('scenario', 'show', name)
      expect(text).toMatch(new RegExp(`^# ${name}@1, put \\S+ by local\n# sha256 [0-9a-f]{64}\n`))
      mkdirSync(join(server.dir, 'again'), { recursive: true })
      file(`again/${name}.yaml`, text)
      expect(await good('scenario', 'put', `again/${name}.yaml`)).toMatch(/^Stored already/)
      const from = await good('cost', 'last', '--scenario', `examples/${name}.yaml`, '--json')
      const { scenario_stored, ...rest } = JSON.parse(
        await good('cost', 'last', '--scenario', name, '--json'),
      )
      expect(scenario_stored).toMatchObject({ name, version: 1, over: [] })
      expect(rest).toEqual(JSON.parse(from))
    },
  )

  it.each([
    [['put', 'nowhere.yaml'], "nowhere.yaml: can't be read (ENOENT)"],
    [['put', 'bad.yaml'], 'bad.yaml: puee is not known here; did you mean pue?'],
    [['put', 'named.yaml'], 'must not end in .yaml, .yml or .json'],
    [['show', 'nix'], 'There is no stored scenario "nix"'],
    [['show', 'lab@9'], 'The stored scenario lab has no version 9; its newest is 2.'],
    [['show', 'lab@x'], '"lab@x" is not NAME or NAME@VERSION'],
  ])('refuses %j', async (args, words) => {
    file('bad.yaml', `${LAB}puee: 1.2\n`)
    file('named.yaml', LAB.replace('id: lab', 'id: lab.json'))
    const { code, stdout, stderr } = await run('scenario', ...args)
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toContain(words)
  })
})

describe('--scenario', () => {
  const ledger = async (...args: string[]) =>
    runLedgerSchema.parse(JSON.parse(await good('cost', 'last', ...args, '--json')))

  it('takes NAME and NAME@VERSION as the API does, with parameters over them', async () => {
    const it = await ledger('--scenario', 'lab@1', '--g_per_kwh', '100')
    const query = 'scenario=lab@1&g_per_kwh=100'
    expect(it).toEqual(await (await fetch(`${server.api}/runs/last/cost?${query}`)).json())
    expect(it.scenario_stored).toMatchObject({ name: 'lab', version: 1, over: ['g_per_kwh'] })
    expect(await good('cost', 'last', '--scenario', 'lab', '--pue', '1.3')).toMatch(
      /\nStored scenario: lab@2 \(sha256 [0-9a-f]{12}\), with pue as given\.\n/,
    )
  })

  it('compares versions of one scenario under names that differ', async () => {
    const args = ['cost', 'last', '--scenario', 'lab@1', '--scenario', 'lab', '--scenario']
    const text = await good(...args, 'examples/berlin.yaml')
    expect(text).toMatch(/^SCENARIO.*\nlab@1 .*\nlab@2 .*\nberlin /)
    expect(text).toContain('From lab@1 to lab@2, one thing after the other:')
    const { steps, ledgers } = JSON.parse(await good(...args.slice(0, -1), '--json'))
    expect(steps.map((s: { from: string; to: string }) => [s.from, s.to])).toEqual([
      ['lab@1', 'lab@2'],
    ])
    expect(ledgers[0].scenario_stored.version).toBe(1)
  })

  it('serves best hours, choices, totals and statements', async () => {
    const hours = bestHoursSchema.parse(
      JSON.parse(await good('cost', 'last', '--scenario', 'hourly', '--best-hours', '--json')),
    )
    expect([hours.starts.length, hours.scenario_stored?.version]).toEqual([72, 1])
    for (const command of ['pareto', 'recommend']) {
      const args = [command, '--scenario', 'lab@1', '--cautions', 'include']
      expect(await good(...args)).toMatch(/\nStored scenario: lab@1 \(sha256 [0-9a-f]{12}\)\.\n/)
      const { pricing } = JSON.parse(await good(...args, '--json'))
      expect(pricing.scenario_stored).toMatchObject({ name: 'lab', version: 1 })
    }
    const totals = await good('totals', '--scenario', 'lab@2')
    expect(totals).toMatch(/\nStored scenario: lab@2 \(sha256 [0-9a-f]{12}\)\.\n/)
  })

  it('is a file by its form alone, whatever there is', async () => {
    await good('scenario', 'put', file('here.yaml', LAB.replace('id: lab', 'id: here')))
    file('here', LAB.replace('id: lab', 'id: of-a-file'))
    expect((await ledger('--scenario', 'here')).scenario_stored?.name).toBe('here')
    const of_file = await ledger('--scenario', './here')
    expect([of_file.scenario_id, of_file.scenario_stored]).toEqual(['of-a-file', undefined])
    rmSync(join(server.dir, 'here.yaml'))
    const { code, stderr } = await run('cost', 'last', '--scenario', 'here.yaml')
    expect([code, stderr]).toEqual([
      2,
      expect.stringMatching(
        /here\.yaml: can't be read \(ENOENT\)\. A scenario of that name is stored: --scenario here\n$/,
      ),
    ])
  })

  it.each([
    ['nix', /no stored scenario "nix".* A file is named with a slash, or by its \.yaml/],
    ['lba', /no stored scenario "lba"; did you mean lab\?/],
    ['plain', /no stored scenario "plain".* The file of that name is --scenario \.\/plain/],
    ['nix.yaml', /nix.yaml: can't be read \(ENOENT\)\. A stored scenario is named without slash/],
    ['lab@0', /--scenario is "lab@0"; it must be NAME or NAME@VERSION .* A file is named/],
    ['lab@7', /lab has no version 7; its newest is 2/],
  ])('refuses %s, with both ways to name one', async (name, words) => {
    file('plain', LAB)
    for (const command of [['cost', 'last'], ['recommend'], ['totals'], ['statement', 'create']]) {
      const { code, stdout, stderr } = await run(...command, '--scenario', name)
      expect([code, stdout]).toEqual([2, ''])
      expect(stderr).toMatch(words)
    }
  })
})

describe('llem-server sites', () => {
  it('puts, lists and shows versions', async () => {
    expect(await good('sites', 'list')).toContain('No table of sites is stored.')
    expect((await run('sites', 'show')).stderr).toContain('llem-server sites put')
    expect(await good('sites', 'put', file('sites.yaml', SITES))).toMatch(
      /^Stored stored@1, 1 row \(sha256 [0-9a-f]{64}\)\. Use it: --sites stored\n$/,
    )
    const text = await good('sites', 'show')
    expect(await good('sites', 'put', file('again.yaml', text))).toMatch(/^Stored already/)
    const shown = storedSitesSchema.parse(
      JSON.parse(await good('sites', 'show', 'stored@1', '--json')),
    )
    expect(shown.sites).toEqual(parse(text).sites)
    expect(shown).toEqual(await (await fetch(`${server.api}/sites`)).json())
    expect(await good('sites', 'list')).toMatch(
      /^SITES +PUT +BY +SHA256 +ROWS\nstored@1 +\S+ +local +[0-9a-f]{12} +1\n$/,
    )
  })

  it('are used by totals where --sites stored is said; where it is not, that is said', async () => {
    const used = await good('totals', '--by', 'site', '--sites', 'stored')
    expect(used).toMatch(/\nberlin +1 /)
    expect(used).toMatch(/\nStored table of sites: stored@1 \(sha256 [0-9a-f]{12}\)\.\n/)
    const api = await fetch(`${server.api}/totals?by=site&sites=stored@1`)
    const totals = totalsSchema.parse(
      JSON.parse(await good('totals', '--by', 'site', '--sites', 'stored', '--json')),
    )
    expect(totals).toEqual(await api.json())
    const without = await run('totals', '--by', 'site', '--json')
    expect(without.stderr).toBe(
      'A table of sites is stored and not used here; --sites stored puts each host under its row.\n',
    )
    expect(JSON.parse(without.stdout).sites_stored).toBeUndefined()
    expect((await run('totals', '--sites', 'sites.yaml')).stderr).toBe('')
  })

  it('and scenarios of a statement are those of its day', async () => {
    const args = ['statement', 'create', '--by', 'site', '--scenario', 'lab', '--sites', 'stored']
    const made = statementSchema.parse(JSON.parse(await good(...args, '--json')))
    expect(made.document.query).toEqual({ by: 'site', scenario: 'lab@2', sites: 'stored@1' })
    await good('sites', 'put', file('new.yaml', SITES.replace('1.5', '2')))
    await good('scenario', 'put', file('lab.yaml', `${LAB}pue: 3\n`))
    const shown = await good('statement', 'show', made.statement_id)
    expect(shown).toMatch(/Stored scenario: lab@2 .*\nStored table of sites: stored@1 /)
    const verified = verificationSchema.parse(
      JSON.parse(await good('statement', 'verify', made.statement_id, '--json')),
    )
    expect(verified).toMatchObject({ document: 'intact', figures: 'same', differences: [] })
  })

  it.each([
    [['sites', 'put', 'nowhere.yaml'], "nowhere.yaml can't be read (ENOENT)"],
    [['sites', 'show', 'stored@9'], 'has no version 9; its newest is 2'],
    [['sites', 'show', '2'], 'say stored, or stored@VERSION such as stored@2'],
    [['totals', '--sites', 'stored@9'], 'has no version 9; its newest is 2'],
    [['totals', '--sites', 'stored@x'], 'the version must be a whole number from 1'],
    [['totals', '--sites', 'nix.yaml'], 'The table that is kept is --sites stored'],
  ])('refuses %j', async (args, words) => {
    const { code, stdout, stderr } = await run(...args)
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toContain(words)
  })
})

it('what is stored goes with a backup', async () => {
  await good('check')
  await good('backup', 'copy.db')
  expect(existsSync(join(server.dir, 'copy.db'))).toBe(true)
  const list = await llemServer(['scenario', 'list', '--db', 'copy.db'], { cwd: server.dir })
  expect(list.stdout).toBe(await good('scenario', 'list'))
  expect(readFileSync(join(server.dir, 'copy.db')).length).toBeGreaterThan(0)
})

it('each command helps with an example', async () => {
  for (const group of ['scenario', 'sites'])
    for (const [command, example] of [
      [[group], `llem-server ${group} put`],
      ...['put', 'list', 'show'].map((c) => [[group, c], `llem-server ${group} ${c}`] as const),
    ] as const) {
      const help = await llemServer([...command, '--help'])
      expect([help.code, help.stdout.includes(`Example:\n  ${example}`)]).toEqual([0, true])
    }
})
