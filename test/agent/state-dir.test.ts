import { homedir } from 'node:os'
import { describe, expect, test } from 'vitest'
import { cacheDir, spoolDir, stateDir } from '../../agent/state-dir.ts'

describe('places on disk', () => {
  test('follow the XDG variables', () => {
    const env = { XDG_STATE_HOME: '/s', XDG_CACHE_HOME: '/c' }
    expect([stateDir(env), spoolDir(env), cacheDir(env)]).toEqual([
      '/s/llem',
      '/s/llem/spool',
      '/c/llem',
    ])
  })
  test('have defaults under the home directory', () => {
    expect([stateDir({}), spoolDir({}), cacheDir({})]).toEqual([
      `${homedir()}/.local/state/llem`,
      `${homedir()}/.local/state/llem/spool`,
      `${homedir()}/.cache/llem`,
    ])
  })
  test('LLEM_SPOOL names the spool itself, from the working directory where relative', () => {
    expect(spoolDir({ LLEM_SPOOL: '/x/y' })).toBe('/x/y')
    expect(spoolDir({ LLEM_SPOOL: 'y' })).toBe(`${process.cwd()}/y`)
  })
  test('relative XDG variables are ignored, as their specification says', () => {
    expect(stateDir({ XDG_STATE_HOME: 'rel' })).toBe(`${homedir()}/.local/state/llem`)
  })
})
