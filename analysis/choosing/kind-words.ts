import { ownValue } from '../schema/own.ts'

type Group = Readonly<Record<string, unknown>>

const SCOPE_WORDS: Readonly<Record<string, string>> = {
  gpu: 'the GPUs',
  module: 'whole modules',
  package: 'the processors',
  dram: 'the memory',
  node: 'the whole node',
}

/**
 * What the candidates of a group have in common, in words: `task gpqa, energy of the GPUs`, `synthetic prompts of 32
 * tokens in and 24 out, energy of the processors, GPU model H100`.
 */
export function kindText({ work, scope, ...fields }: Group): string {
  const others = Object.entries(fields).filter(([, v]) => v !== null && v !== undefined)
  return [
    ...(typeof work === 'string' ? [workText(work)] : []),
    ...(typeof scope === 'string' ? [`energy of ${scopeText(scope)}`] : []),
    ...others.map(([k, v]) => `${k.replaceAll('_', ' ').replace('gpu', 'GPU')} ${v}`),
  ].join(', ')
}

const scopeText = (scope: string): string =>
  scope
    .split(', ')
    .map((s) => ownValue(SCOPE_WORDS, s) ?? s)
    .join(' and ')

/** A task by its name; the data of runs without one, which come as JSON, by what was asked of the model. */
function workText(work: string): string {
  const data = work.startsWith('data {') ? mappingOf(work.slice('data '.length)) : null
  if (data === null) return work
  const { source, input_tokens, output_tokens, keep_answers, ...rest } = data
  const asked = [
    input_tokens === undefined ? null : `${lengthText(input_tokens)} tokens in`,
    output_tokens === undefined ? null : `${lengthText(output_tokens)} out`,
  ].filter((w) => w !== null)
  return [
    `${typeof source === 'string' ? `${source} ` : ''}prompts${asked.length === 0 ? '' : ` of ${asked.join(' and ')}`}`,
    ...(keep_answers === true ? ['answers kept'] : []),
    ...Object.entries(rest).map(
      ([k, v]) => `${k.replaceAll('_', ' ')} ${typeof v === 'string' ? v : JSON.stringify(v)}`,
    ),
  ].join(', ')
}

/** `32`; of a distribution `about 512` by its mean, or `16 to 64`. */
function lengthText(length: unknown): string {
  if (typeof length !== 'object' || length === null) return String(length)
  const { mean, min, max } = length as Group
  if (typeof mean === 'number') return `about ${mean}`
  return typeof min === 'number' && typeof max === 'number'
    ? `${min} to ${max}`
    : 'unlike numbers of'
}

function mappingOf(json: string): Group | null {
  try {
    const value: unknown = JSON.parse(json)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Group)
      : null
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}
