import { STREAM_FORMAT_NAMES, STREAM_FORMATS, type StreamFormatName } from './list.ts'

/** The form that an Accept header wants most. null: none of ours. */
export function chosenFormat(accept: string | undefined): StreamFormatName | null {
  if (accept === undefined || accept.trim() === '') return 'arrow'
  const wishes = accept
    .split(',')
    .map((part) => {
      const [type = '', ...parameters] = part.split(';').map((s) => s.trim().toLowerCase())
      const q = parameters.find((p) => p.startsWith('q='))
      return { type, weight: q ? Number(q.slice(2)) : 1 }
    })
    .filter((w) => w.weight > 0)
    .sort((a, b) => b.weight - a.weight)
  for (const { type } of wishes) {
    if (type === '*/*' || type === 'application/*') return 'arrow'
    const name = STREAM_FORMAT_NAMES.find((n) => STREAM_FORMATS[n].media_type === type)
    if (name) return name
  }
  return null
}
