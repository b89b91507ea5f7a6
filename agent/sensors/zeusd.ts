import { NoAnswer } from './ask-json.ts'
import {
  type Found,
  type Missing,
  NOTHING_FOUND,
  type OpenSource,
  type Sensor,
  type SensorOptions,
  type SensorSource,
} from './sensor.ts'
import { createClient, discoverySchema, SOCKET, targetOf } from './zeusd-client.ts'
import { NONE, type Opened, openCpus, openGpus } from './zeusd-counters.ts'

const SOURCE = 'zeusd'

/**
 * The Zeus daemon, which runs as root and tells RAPL's counters to others, wraps already undone; of GPUs only where
 * no driver tells them. Only its reading routes are asked.
 */
export const zeusd: SensorSource = {
  name: SOURCE,
  async open(options: SensorOptions, found: Found = NOTHING_FOUND): Promise<OpenSource> {
    const { clock, env, sysfsRoot } = options
    const target = targetOf(env)
    if (target === null)
      return absent(
        'no_device',
        `There is no zeusd: neither ${SOCKET} nor ZEUSD_SOCK_PATH nor ZEUSD_HOST_PORT leads to one.`,
      )
    const wants = {
      cpu: !found.rows.some((r) => r.metric === 'cpu_energy_uj'),
      gpu: !found.devices.some((d) => d.kind === 'gpu'),
    }
    if (!wants.cpu && !wants.gpu)
      return absent('no_device', 'Nothing is left for zeusd: better sources tell it all.')
    const client = createClient(target, env['ZEUSD_TOKEN'])
    const failed = (error: unknown): Opened => {
      const { reason, message } =
        error instanceof NoAnswer ? error : new NoAnswer('lost', String(error))
      return {
        ...NONE,
        missing: [missing(reason, `zeusd at ${target.name} ${withRemedy(message)}.`)],
      }
    }
    const parts: Opened[] = []
    try {
      const told = await client.ask('/discover', discoverySchema)
      if (wants.cpu) parts.push(await openCpus(client, told, clock, sysfsRoot).catch(failed))
      if (wants.gpu) parts.push(await openGpus(client, told, clock).catch(failed))
    } catch (error) {
      parts.push(failed(error))
    }
    const isNew = ({ row }: Sensor) =>
      !found.rows.some((r) => r.device_id === row.device_id && r.metric === row.metric)
    const sensors = parts.flatMap((p) => p.sensors).filter(isNew)
    const lacks = parts.flatMap((p) => p.missing)
    if (sensors.length === 0 && lacks.length === 0)
      lacks.push(missing('no_device', `zeusd at ${target.name} tells of nothing that is wanted.`))
    return {
      source: SOURCE,
      devices: parts
        .flatMap((p) => p.devices)
        .filter((d) => sensors.some((s) => s.row.device_id === d.device_id)),
      sensors,
      missing: lacks,
      environment: sensors.length === 0 ? {} : { zeusd: { at: target.name } },
      close: client.close,
    }
  },
}

/** What brought its remedy along keeps it. */
const withRemedy = (message: string): string =>
  /[;:]/.test(message)
    ? message
    : `${message}; start zeusd there, or set ZEUSD_SOCK_PATH to its socket or ZEUSD_HOST_PORT to its HOST:PORT`

const missing = (reason: Missing['reason'], fix: string): Missing => ({
  source: SOURCE,
  device_id: null,
  reason,
  fix,
})

const absent = (reason: Missing['reason'], fix: string): OpenSource => ({
  source: SOURCE,
  ...NONE,
  missing: [missing(reason, fix)],
  environment: {},
  close() {},
})
