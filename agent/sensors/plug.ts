import type { MeterOf } from '../../analysis/schema/meter.ts'
import { askJson, NoAnswer, openLine } from './ask-json.ts'
import { jsonAt } from './json-path.ts'
import { openMeters } from './meter.ts'
import { basicAuth, loginOf, secretOf } from './meter-login.ts'
import type { MeterDoor } from './meter-poll.ts'
import type { SensorOptions, SensorSource } from './sensor.ts'

type Plug = MeterOf<'plug'>
/** One question by GET, below the plug's address. @throws NoAnswer */
type Ask = (path: string, signal: AbortSignal) => Promise<unknown>
interface Preset {
  readonly watts: (ask: Ask, plug: Plug, signal: AbortSignal) => Promise<unknown>
  readonly accuracy: MeterDoor['accuracy']
}

const PER_WATT = { mW: 1e-3, W: 1, kW: 1e3 } as const

/**
 * A smart plug that the node hangs on, or whatever tells power as JSON over HTTP.
 * Sources of the bounds: Shelly states 1 %; Tasmota runs on many plugs, of which most are not calibrated.
 */
export const plug: SensorSource = {
  name: 'plug',
  open: (options) => openMeters('plug', options, (meter) => door(meter, options)),
}

function door(meter: Plug, { env }: SensorOptions): MeterDoor {
  const base = meter.url.replace(/\/+$/, '')
  const login = loginOf(meter, env)
  const token = meter.token_env === null ? null : secretOf(meter.token_env, env)
  const agent = openLine(base, meter.self_signed)
  const headers: Record<string, string> =
    token !== null ? { authorization: `Bearer ${token}` } : login !== null ? basicAuth(login) : {}
  // Tasmota takes its login in the query.
  const query =
    meter.kind === 'tasmota' && login !== null
      ? `&user=${encodeURIComponent(login.user)}&password=${encodeURIComponent(login.password)}`
      : ''
  const ask: Ask = (path, signal) =>
    askJson({ url: `${path === '' ? meter.url : base + path}${query}`, agent, headers, signal })
  const preset = presetOf(meter.kind)
  return {
    name: `the plug at ${base}`,
    refresh_ms: 1000,
    accuracy: preset.accuracy,
    async watts(signal) {
      const found = await preset.watts(ask, meter, signal)
      const number = typeof found === 'string' && found.trim() !== '' ? Number(found) : found
      if (typeof number !== 'number' || !Number.isFinite(number))
        throw new NoAnswer(
          'unsupported',
          `tells no power${meter.path === null ? '' : ` at ${meter.path}`}`,
        )
      return number * PER_WATT[meter.kind === 'json' ? meter.unit : 'W']
    },
    facts: () => ({ url: base, kind: meter.kind }),
    close: () => agent.destroy(),
  }
}

function presetOf(kind: Plug['kind']): Preset {
  switch (kind) {
    case 'shelly':
      return shelly()
    case 'tasmota':
      return { watts: tasmotaWatts, accuracy: { gain_rel: 0.05, basis: 'assumed' } }
    case 'json':
      return {
        watts: async (ask, { path }, signal) => jsonAt(await ask('', signal), path ?? ''),
        accuracy: { gain_rel: 0.05, basis: 'assumed' },
      }
  }
}

/** Both generations: `/shelly` tells which, the first has `/status`, later ones have components behind `/rpc`. */
function shelly(): Preset {
  let generation: number | null = null
  return {
    accuracy: { gain_rel: 0.01, basis: 'vendor' },
    async watts(ask, { channel }, signal) {
      if (generation === null) {
        const told = jsonAt(await ask('/shelly', signal), 'gen')
        generation = typeof told === 'number' ? told : 1
      }
      if (generation === 1) {
        const status = await ask('/status', signal)
        return (
          jsonAt(status, `meters[${channel}].power`) ?? jsonAt(status, `emeters[${channel}].power`)
        )
      }
      const status = await ask('/rpc/Shelly.GetStatus', signal)
      const power = [
        [`switch:${channel}`, 'apower'],
        [`pm1:${channel}`, 'apower'],
        [`em1:${channel}`, 'act_power'],
        [`em:${channel}`, 'total_act_power'],
      ] as const
      return power
        .map(([part, key]) => jsonAt(status, `${part}.${key}`))
        .find((x) => x !== undefined)
    },
  }
}

/** `Status 8` holds the sensors; the power is a number, or a list of them where there are several outlets. */
const tasmotaWatts: Preset['watts'] = async (ask, { channel }, signal) => {
  const power = jsonAt(await ask('/cm?cmnd=Status%208', signal), 'StatusSNS.ENERGY.Power')
  return Array.isArray(power) ? power[channel] : power
}
