import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { hideOfSite } from '../../agent/site-secret.ts'
import { hideOfSite as hideOfServer } from '../../server/site-secret.ts'
import { AGENT, type Home, makeHome, run } from '../support/programs.ts'

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'llem-secret-'))
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))
const env = () => ({ XDG_STATE_HOME: dir })
const path = () => join(dir, 'llem', 'site-secret')

describe("the site's secret", () => {
  it('is made when it is first needed, for its user alone, and is the same from then on', () => {
    const hide = hideOfSite(env())
    expect(readdirSync(dir)).toEqual([])
    const value = hide('x')
    expect(readFileSync(path(), 'utf8')).toMatch(/^[0-9a-f]{64}\n$/)
    expect(statSync(path()).mode & 0o777).toBe(0o600)
    expect(statSync(join(dir, 'llem')).mode & 0o777).toBe(0o700)
    expect(readdirSync(join(dir, 'llem'))).toEqual(['site-secret'])
    expect(hideOfSite(env())('x')).toBe(value)
    expect(hideOfServer(env())('x')).toBe(value)
  })

  it('made by the server is the agent’s too, and one that others may read is narrowed', () => {
    const value = hideOfServer(env())('x')
    chmodSync(path(), 0o644)
    expect(hideOfSite(env())('x')).toBe(value)
    expect(statSync(path()).mode & 0o777).toBe(0o600)
  })

  it('is LLEM_SITE_SECRET where that is set, on every host', () => {
    const given = { ...env(), LLEM_SITE_SECRET: 'shared by the hosts of a lab' }
    expect(hideOfSite(given)('x')).toBe(hideOfServer({ ...given, XDG_STATE_HOME: '/nowhere' })('x'))
    expect(readdirSync(dir)).toEqual([])
  })

  it('that is too short, empty or nowhere is refused with the remedy', () => {
    expect(() => hideOfSite({ LLEM_SITE_SECRET: 'short' })('x')).toThrow(/openssl rand -hex 32/)
    hideOfSite(env())('x')
    writeFileSync(path(), '\n')
    expect(() => hideOfSite(env())('x')).toThrow(/site-secret: holds no secret/)
    writeFileSync(join(dir, 'file'), '')
    expect(() => hideOfSite({ XDG_STATE_HOME: join(dir, 'file') })('x')).toThrow(
      /ENOTDIR.*LLEM_SITE_SECRET/,
    )
  })

  it('is one, where several programs begin at once', async () => {
    const home: Home = makeHome({ LLEM_SITE_SECRET: '' })
    try {
      const config = join(dir, 'c.json')
      const engine = {
        name: 'openai',
        launcher: 'command',
        base_url: 'http://127.0.0.1:{port}/v1',
        command: ['x'],
      }
      writeFileSync(config, JSON.stringify({ engine: { ...engine, env: { A: 'a value' } } }))
      const ended = await Promise.all(
        Array.from({ length: 6 }, () => run(AGENT, ['config', 'show', config, '--json'], home)),
      )
      const shown = ended.map((e) => JSON.parse(e.stdout) as { experiment_key: string })
      expect(new Set(shown.map((s) => s.experiment_key)).size).toBe(1)
    } finally {
      home.remove()
    }
  })
})
