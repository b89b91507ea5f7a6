import type { Finding } from './finding.ts'

interface Named {
  readonly device_id: string
  readonly model: string | null
}

const UUID = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/i
/** `GPU-` and eight digits: what people compare, and what `--device` takes. */
const LEAST_DIGITS = 8

/** A finding for people: its sentence, and its code in brackets. */
export const findingText = (
  finding: Pick<Finding, 'code' | 'message'>,
  devices: readonly Named[],
): string => `${findingSentence(finding, devices)} (${finding.code})`

/**
 * The sentence of a finding with devices by model and other ids by their beginning; evidence and JSON keep whole ids.
 * @param devices of the run: of several of one model each is told by the beginning of its id too
 */
export function findingSentence(
  { message }: Pick<Finding, 'message'>,
  devices: readonly Named[],
): string {
  const ids = devices.map((d) => d.device_id)
  let text = message
  // Longer ones first: a part of a GPU may hold the id of the GPU.
  for (const device of [...devices].sort((a, b) => b.device_id.length - a.device_id.length))
    if (UUID.test(device.device_id))
      text = text.replaceAll(device.device_id, deviceName(device, devices))
  const others = text.match(new RegExp(UUID, 'gi')) ?? []
  for (const id of others) text = text.replaceAll(id, beginning(id, [...ids, ...others]))
  return text
}

/** `NVIDIA H100 80GB HBM3`; where there are several, `NVIDIA H100 80GB HBM3 GPU-8f3c1d2e`; its id where that is no UUID. */
export function deviceName({ device_id, model }: Named, devices: readonly Named[]): string {
  const ids = devices.map((d) => d.device_id)
  const short = UUID.test(device_id) ? beginning(device_id, ids) : device_id
  if (model === null) return short
  const alike = devices.filter((d) => d.model === model)
  return alike.length === 1 ? model : `${model} ${short}`
}

/** The least beginning of an id, of eight digits or more, that none of the others has. */
function beginning(id: string, others: readonly string[]): string {
  const from = (UUID.exec(id)?.index ?? 0) + LEAST_DIGITS
  for (let end = from; end < id.length; end++) {
    const start = id.slice(0, end)
    if (!start.endsWith('-') && !others.some((o) => o !== id && o.startsWith(start))) return start
  }
  return id
}
