import { describe, expect, it } from 'vitest'
import { experimentConfigSchema } from '../../../analysis/schema/experiment.ts'
import { ConfigError, parseStudy } from '../../../analysis/schema/study.ts'

const parse = (...meters: object[]) =>
  experimentConfigSchema.parse({ sensors: { meters } }).sensors.meters
const issues = (...meters: object[]) => {
  try {
    parseStudy({ sensors: { meters } })
    return []
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.issues.map((i) => `${i.path} ${i.message}`)
  }
}

describe('meters of the node', () => {
  it('are none unless configured', () => {
    expect(experimentConfigSchema.parse({}).sensors.meters).toEqual([])
  })

  it('have their defaults filled in', () => {
    expect(parse({ source: 'ipmi' })).toEqual([
      {
        source: 'ipmi',
        host: null,
        user_env: null,
        password_env: null,
        sudo: false,
        interval_ms: 1000,
        timeout_ms: 5000,
        refresh_ms: null,
        error_pct: null,
        supply: null,
      },
    ])
  })

  it('may be several: of unlike kinds, or one a power supply', () => {
    const plug = { source: 'plug', url: 'http://10.0.0.9', kind: 'shelly' }
    expect(parse({ source: 'ipmi' }, plug)).toHaveLength(2)
    expect(parse({ ...plug, supply: 'psu1' }, { ...plug, supply: 'psu2' })).toHaveLength(2)
    expect(issues(plug, plug)[0]).toContain('power supply that it feeds')
    expect(issues({ ...plug, supply: 'a' }, { ...plug, supply: 'a' })[0]).toContain('a twice')
  })

  it.each<[string, object, string]>([
    [
      'a password in the address',
      { source: 'redfish', url: 'https://a:b@10.0.0.7' },
      'user_env and password_env',
    ],
    [
      'a secret in the query',
      { source: 'plug', kind: 'json', path: 'x', url: 'http://h/x?api_key=3' },
      'token_env',
    ],
    [
      'half a login',
      { source: 'redfish', url: 'https://h', user_env: 'U' },
      'password_env is missing',
    ],
    [
      'a password for a name',
      { source: 'redfish', url: 'https://h', user_env: 'U', password_env: 'p w!' },
      'name of an environment variable',
    ],
    ['json without a path', { source: 'plug', kind: 'json', url: 'http://h' }, 'needs the path'],
    [
      'a path that is none',
      { source: 'plug', kind: 'json', url: 'http://h', path: 'a..b' },
      'must be a path such as',
    ],
    [
      'a path that is not asked for',
      { source: 'plug', kind: 'shelly', url: 'http://h', path: 'a' },
      'is for kind: json',
    ],
    [
      'a query that is not asked for',
      { source: 'plug', kind: 'tasmota', url: 'http://h/cm?x=1' },
      'write the address alone',
    ],
    [
      'two logins',
      {
        source: 'plug',
        kind: 'json',
        path: 'x',
        url: 'http://h',
        user_env: 'U',
        password_env: 'P',
        token_env: 'T',
      },
      'write one of them',
    ],
    ['no address', { source: 'redfish', url: 'bmc.example' }, 'http or https address'],
    ['a host that would be an option', { source: 'ipmi', host: '-x' }, 'host name or address'],
    ['sudo for another host', { source: 'ipmi', host: 'h', sudo: true }, 'own controller'],
    ['another source', { source: 'wattmeter' }, 'source'],
  ])('are refused with %s, in words', (_, meter, words) => {
    const found = issues(meter)
    expect(found).toHaveLength(1)
    expect(found[0]).toContain(words)
    expect(found[0]).toContain('sensors.meters.0')
  })
})
