import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createClock } from '../../../agent/clock.ts'
import { ipmi } from '../../../agent/sensors/ipmi.ts'
import type { OpenSource } from '../../../agent/sensors/sensor.ts'
import { meterSchema } from '../../../analysis/schema/meter.ts'
import { handClocks } from '../../support/hand-time.ts'
import { describeSource } from './contract.ts'
import { hostAt } from './host-at.ts'

let bin: string
let opened: OpenSource[]
beforeEach(() => {
  bin = mkdtempSync(join(tmpdir(), 'llem-ipmi-'))
  opened = []
})
afterEach(() => {
  for (const source of opened) source.close()
  rmSync(bin, { recursive: true, force: true })
})

/** What ipmitool prints, at so many watts. */
const reading = (watts: number | string, state = 'activated') => `
    Instantaneous power reading:                   ${watts} Watts
    Minimum during sampling period:                 12 Watts
    Maximum during sampling period:                379 Watts
    Average power reading over sample period:      211 Watts
    IPMI timestamp:                           Tue Nov 24 11:25:13 2026
    Sampling period:                          00000001 Seconds.
    Power reading state is:                   ${state}
`
/** A program of this name in PATH. */
function program(name: string, lines: string): void {
  writeFileSync(join(bin, name), `#!/bin/sh\n${lines}\n`)
  chmodSync(join(bin, name), 0o755)
}
const prints = (text: string) => `cat <<'END'\n${text}\nEND`

const env = () => ({ PATH: `${bin}:/usr/bin:/bin` })
async function open(settings: object = {}, more: Record<string, string> = {}): Promise<OpenSource> {
  const meter = meterSchema.parse({ source: 'ipmi', timeout_ms: 5000, ...settings })
  const source = await ipmi.open(hostAt({ meters: [meter], env: { ...env(), ...more } }))
  opened.push(source)
  return source
}

describeSource({
  name: 'ipmi',
  async present() {
    program('ipmitool', prints(reading(220)))
    const hand = handClocks()
    const clock = createClock(hand.time)
    const meters = [meterSchema.parse({ source: 'ipmi' })]
    return {
      source: await ipmi.open(hostAt({ clock, meters, env: env() })),
      clock,
      pass: () => hand.pass(1000),
      lose: () => program('ipmitool', 'exit 1'),
    }
  },
  absent: () => ipmi.open(hostAt()),
})

describe('IPMI', () => {
  it('tells the momentary power of the node', async () => {
    program('ipmitool', `echo "$@" > ${bin}/args\n${prints(reading(220))}`)
    const source = await open()
    expect(await source.sensors[0]?.read()).toMatchObject([
      { metric: 'node_power_mw', value: 220_000 },
      { metric: 'meter_span_ms' },
    ])
    expect(readFileSync(join(bin, 'args'), 'utf8')).toBe('dcmi power reading\n')
  })

  it('asks another host with the password in the environment, where no list of processes shows it', async () => {
    program('ipmitool', `echo "$@ $IPMI_PASSWORD" > ${bin}/args\n${prints(reading(220))}`)
    const login = { host: '10.0.0.7', user_env: 'BMC_USER', password_env: 'BMC_PASSWORD' }
    const source = await open(login, { BMC_USER: 'reader', BMC_PASSWORD: 's3cret' })
    expect(readFileSync(join(bin, 'args'), 'utf8')).toBe(
      '-I lanplus -H 10.0.0.7 -U reader -E dcmi power reading s3cret\n',
    )
    expect(JSON.stringify(source.environment)).toBe(
      '{"ipmi":[{"device_id":"node:0","host":"10.0.0.7"}]}',
    )
  })

  it('goes through sudo where that is wanted, and never waits for a password', async () => {
    program('ipmitool', prints(reading(220)))
    program('sudo', `[ "$1" = -n ] || exit 9\nshift\nexec "$@"`)
    expect((await open({ sudo: true })).sensors).toHaveLength(2)
  })

  it('is missing where its tool is, and says what to install', async () => {
    const source = await open({}, { PATH: bin })
    expect(source.missing).toMatchObject([{ reason: 'no_library' }])
    expect(source.missing[0]?.fix).toContain('apt-get install ipmitool')
  })

  it.each<[string, string, string, string]>([
    [
      'no permission',
      'echo "Could not open device at /dev/ipmi0 or /dev/ipmi/0: Permission denied" >&2; exit 1',
      'permission_denied',
      '/dev/ipmi0',
    ],
    [
      'a wrong password',
      'echo "RAKP 2 HMAC is invalid" >&2; exit 1',
      'permission_denied',
      'refuses',
    ],
    ['a reading that is off', prints(reading(0, 'deactivated')), 'unsupported', 'switched off'],
    ['0 W', prints(reading(0)), 'implausible', 'tells 0 W'],
    ['garbage', prints('hello'), 'unsupported', 'tells no DCMI power reading'],
    [
      'another failure',
      'echo "DCMI request failed: Invalid command" >&2; exit 1',
      'lost',
      'Invalid command',
    ],
  ])('with %s is missing and says so', async (_, lines, reason, words) => {
    program('ipmitool', lines)
    const source = await open()
    expect(source.missing).toMatchObject([{ device_id: 'node:0', reason }])
    expect(source.missing[0]?.fix).toContain(words)
  })

  it('is given up where it hangs, and its tool ends', async () => {
    program('ipmitool', `echo $$ > ${bin}/pid\nexec sleep 60`)
    const source = await open({ timeout_ms: 400 })
    expect(source.missing).toMatchObject([{ reason: 'lost' }])
    expect(source.missing[0]?.fix).toContain('no answer in time')
    const pid = Number(readFileSync(join(bin, 'pid'), 'utf8'))
    await vi.waitFor(() => expect(() => process.kill(pid, 0)).toThrow(), 10_000)
  })
})
