import { z } from 'zod'
import type { MeterOf } from '../../analysis/schema/meter.ts'
import { askJson, NoAnswer, openLine } from './ask-json.ts'
import { openMeters } from './meter.ts'
import { basicAuth, loginOf } from './meter-login.ts'
import type { MeterDoor } from './meter-poll.ts'
import type { SensorOptions, SensorSource } from './sensor.ts'

/** Management controllers average over about a second and pass it on within another. */
const REFRESH_MS = 2000

/** A path of the same host: anything else would carry the password elsewhere. */
const link = z.looseObject({ '@odata.id': z.string().startsWith('/') })
const chassisListSchema = z.looseObject({ Members: z.array(link) })
const chassisSchema = z.looseObject({
  Id: z.string().nullish(),
  EnvironmentMetrics: link.nullish(),
  Power: link.nullish(),
})
const environmentSchema = z.looseObject({
  PowerWatts: z.looseObject({ Reading: z.number().nullish() }).nullish(),
})
const powerSchema = z.looseObject({
  PowerControl: z.array(z.looseObject({ PowerConsumedWatts: z.number().nullish() })).nullish(),
})

/** Where a chassis tells its power, and how it is taken out. */
interface Place {
  readonly chassis: string
  readonly path: string
  readonly watts: (answer: unknown) => number | null
}

/**
 * A server's management controller by Redfish: the power of a chassis as `EnvironmentMetrics` (newer) or `Power` tell it.
 * The chassis is looked for once; then one question a reading.
 */
export const redfish: SensorSource = {
  name: 'redfish',
  open: (options) => openMeters('redfish', options, (meter) => door(meter, options)),
}

function door(meter: MeterOf<'redfish'>, { env }: SensorOptions): MeterDoor {
  const base = meter.url.replace(/\/+$/, '')
  const login = loginOf(meter, env)
  const agent = openLine(base, meter.self_signed)
  const headers = login === null ? {} : basicAuth(login)
  const ask = (path: string, signal: AbortSignal) =>
    askJson({ url: `${base}${path}`, agent, headers, signal })
  let place: Place | null = null
  return {
    name: `the management controller at ${base}`,
    refresh_ms: REFRESH_MS,
    accuracy: { gain_rel: 0.05, basis: 'assumed' },
    async watts(signal) {
      place ??= await findPlace(ask, meter.chassis, signal)
      const watts = place.watts(await ask(place.path, signal))
      if (watts === null) throw new NoAnswer('unsupported', `tells no power at ${place.path}`)
      return watts
    },
    facts: () => ({ url: base, chassis: place?.chassis ?? null, path: place?.path ?? null }),
    close: () => agent.destroy(),
  }
}

type Ask = (path: string, signal: AbortSignal) => Promise<unknown>

/** @throws NoAnswer where no chassis tells its power, or several do and none is named */
async function findPlace(ask: Ask, wanted: string | null, signal: AbortSignal): Promise<Place> {
  const list = read(chassisListSchema, await ask('/redfish/v1/Chassis', signal), 'list of chassis')
  const places: Place[] = []
  const names: string[] = []
  for (const member of list.Members) {
    const path = member['@odata.id']
    const chassis = read(chassisSchema, await ask(path, signal), 'chassis')
    const name = chassis.Id ?? path.replace(/\/+$/, '').split('/').at(-1) ?? path
    names.push(name)
    if (wanted !== null && name !== wanted) continue
    const place = await placeIn(ask, name, chassis, signal)
    if (place !== null) places.push(place)
  }
  if (wanted !== null && !names.includes(wanted))
    throw new NoAnswer(
      'no_device',
      `has no chassis ${wanted}; it has ${names.join(', ') || 'none'}`,
    )
  const [first, ...others] = places
  if (first === undefined)
    throw new NoAnswer(
      'unsupported',
      `tells no power of ${wanted ?? (names.join(', ') || 'any chassis')}`,
    )
  if (others.length > 0)
    throw new NoAnswer(
      'ambiguous_mapping',
      `tells the power of several chassis, ${places.map((p) => p.chassis).join(', ')}; name that of the whole node in chassis`,
    )
  return first
}

/** Asks both places of a chassis in turn: that one exists does not mean that it holds a number. */
async function placeIn(
  ask: Ask,
  chassis: string,
  { EnvironmentMetrics, Power }: z.infer<typeof chassisSchema>,
  signal: AbortSignal,
): Promise<Place | null> {
  const places: (Place | null)[] = [
    EnvironmentMetrics
      ? { chassis, path: EnvironmentMetrics['@odata.id'], watts: environmentWatts }
      : null,
    Power ? { chassis, path: Power['@odata.id'], watts: consumedWatts } : null,
  ]
  for (const place of places) {
    if (place === null) continue
    try {
      if (place.watts(await ask(place.path, signal)) !== null) return place
    } catch (error) {
      if (!(error instanceof NoAnswer) || error.reason !== 'unsupported') throw error
    }
  }
  return null
}

const environmentWatts = (answer: unknown): number | null =>
  environmentSchema.safeParse(answer).data?.PowerWatts?.Reading ?? null
const consumedWatts = (answer: unknown): number | null =>
  powerSchema.safeParse(answer).data?.PowerControl?.[0]?.PowerConsumedWatts ?? null

function read<S extends z.ZodType>(schema: S, answer: unknown, what: string): z.output<S> {
  const parsed = schema.safeParse(answer)
  if (parsed.success) return parsed.data
  throw new NoAnswer('unsupported', `answers with something other than a Redfish ${what}`)
}
