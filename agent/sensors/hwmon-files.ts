import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { known, type Maybe, type Reason, unknown } from '../../analysis/schema/reason.ts'
import { listNames, readText } from './files.ts'

/** Why a file of a card gave no number. The kernel answers EPERM while a card is asleep or being reset. */
const REASON_OF_ERROR: Readonly<Record<string, Reason>> = {
  EACCES: 'permission_denied',
  EPERM: 'not_recorded',
  EBUSY: 'not_recorded',
  EINVAL: 'unsupported',
  ENODATA: 'unsupported',
  EOPNOTSUPP: 'unsupported',
  ENOTSUP: 'unsupported',
}

/** Reads a number in a file; a file that is gone is a card that is gone. */
export function readNumber(path: string): Maybe {
  const { text, code } = readText(path)
  if (text === null) return unknown(REASON_OF_ERROR[code] ?? 'lost')
  return /^-?\d+$/.test(text) ? known(Number(text)) : unknown('lost')
}

/** The folder of a card's monitor; null where it has none. */
export function monitorOf(card: string): string | null {
  const name = listNames(join(card, 'hwmon')).find((n) => /^hwmon\d+$/.test(n))
  return name === undefined ? null : join(card, 'hwmon', name)
}

/** The monitor's files `<kind>N_input` by label, as `temp2_input` by `junction`; unlabelled ones by `N`. */
export function labelled(monitor: string, kind: 'temp' | 'freq' | 'energy'): Map<string, string> {
  const found = new Map<string, string>()
  for (const name of listNames(monitor)) {
    const number = new RegExp(`^${kind}(\\d+)_input$`).exec(name)?.[1]
    if (number === undefined) continue
    const label = readText(join(monitor, `${kind}${number}_label`)).text
    found.set(label ?? number, join(monitor, name))
  }
  return found
}

/**
 * Whether an AMD card is processor and graphics in one package, of which its power is the sum: then its table of
 * metrics has form 2 or 3. Source: the kernel's `gpu_metrics`, whose third byte is the form.
 */
export function isApu(card: string): boolean {
  try {
    return (readFileSync(join(card, 'gpu_metrics'))[2] ?? 1) >= 2
  } catch {
    return false
  }
}
