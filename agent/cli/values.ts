import { InvalidArgumentError, Option } from 'commander'

// What options may hold: each reads one, or throws a sentence.

/** `--set`, which may be given again and again. */
export const setOption = (about: string) =>
  new Option('--set <key.path=value>', `${about} (repeatable)`)
    .argParser((value: string, all: string[]) => [...all, value])
    .default([], 'none')

export function atLeastZero(value: string): number {
  const seconds = Number(value)
  if (value.trim() === '' || !(seconds >= 0 && seconds <= 3600))
    throw new InvalidArgumentError('It must be seconds from 0 to 3600, such as 5.')
  return seconds
}

export function lockWait(value: string): number {
  const seconds = Number(value)
  if (value.trim() === '' || !(seconds >= 0 && seconds <= 604_800))
    throw new InvalidArgumentError('It must be seconds from 0 to 604800, such as 7200.')
  return seconds
}

export const countFrom =
  (least: number) =>
  (value: string): number => {
    if (/^\d{1,6}$/.test(value) && Number(value) >= least) return Number(value)
    throw new InvalidArgumentError(`It must be a whole number from ${least} on.`)
  }

export function seconds(value: string): number {
  const given = Number(value)
  if (value.trim() !== '' && given > 0 && given <= 3600) return given
  throw new InvalidArgumentError('It must be seconds above 0 and up to 3600, such as 20.')
}

export function percent(value: string): number {
  const given = Number(value)
  if (value.trim() !== '' && given > 0 && given <= 100) return given
  throw new InvalidArgumentError('It must be per cent above 0 and up to 100, such as 0.5.')
}

/** `0.94+-0.02`, its standard uncertainty behind; 1 alone. */
export function efficiency(value: string): { value: number; u: number } {
  const [, share, u] = (/^\s*(\d*\.?\d+)\s*(?:\+-|±)\s*(\d*\.?\d+)\s*$/.exec(value) ?? []).map(
    Number,
  )
  if (value.trim() === '1') return { value: 1, u: 0 }
  if (share !== undefined && u !== undefined && share > 0.3 && share <= 1 && u < 0.3)
    return { value: share, u }
  throw new InvalidArgumentError(
    'It must be a share with its standard uncertainty such as 0.94+-0.02, or 1 for none.',
  )
}

export function burstLengths(value: string): readonly number[] {
  const lengths = value.split(',').map(Number)
  if (lengths.every((ms) => Number.isInteger(ms) && ms >= 5 && ms <= 60_000)) return lengths
  throw new InvalidArgumentError('It must be milliseconds from 5 to 60000, such as 100,500.')
}

export function watchInterval(value: string): number {
  const seconds = Number(value)
  if (!(seconds >= 0.1 && seconds <= 3600))
    throw new InvalidArgumentError('It must be seconds from 0.1 to 3600, such as 1.')
  return seconds
}

export function wholeAboveZero(value: string): number {
  const n = Number(value)
  if (!Number.isSafeInteger(n) || n < 1)
    throw new InvalidArgumentError('It must be a whole number from 1 up.')
  return n
}

export function serverUrl(value: string): string {
  if (!/^https?:\/\/\S+$/.test(value))
    throw new InvalidArgumentError('It must be an address such as http://lab-server:8642.')
  return value.replace(/\/+$/, '')
}
