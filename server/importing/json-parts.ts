import { toJson } from '../../analysis/schema/json.ts'

const FEW = 64 * 1024

/**
 * An object as JSON text, part by part and without its last brace: a list in it may be longer than the longest string.
 */
export function* jsonParts(value: Readonly<Record<string, unknown>>): Generator<string> {
  let text = '{'
  for (const [i, [key, field]] of Object.entries(value).entries()) {
    text += `${i === 0 ? '' : ','}${JSON.stringify(key)}:`
    if (!Array.isArray(field)) {
      text += toJson(field)
      continue
    }
    text += '['
    for (const [k, element] of field.entries()) {
      text += (k === 0 ? '' : ',') + toJson(element)
      if (text.length < FEW) continue
      yield text
      text = ''
    }
    text += ']'
  }
  yield text
}
