import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { ConfigError } from '../../analysis/schema/study.ts'

/** Watts that a person read off a meter, and its last digit. */
export interface Typed {
  readonly typed_w: number
  readonly typed_step_w: number
}

/** `412.5`, `412,5 W`, `0.4125 kW`; null: no such number. */
export function readTyped(line: string): Typed | null {
  const match = /^(\d{1,6})(?:[.,](\d{1,6}))?\s*(k?)w?$/i.exec(line.trim())
  if (match === null) return null
  const [, whole = '', fraction = '', kilo = ''] = match
  const unit = kilo === '' ? 1 : 1000
  const typed_w = Number(`${whole}.${fraction || '0'}`) * unit
  return typed_w > 0 ? { typed_w, typed_step_w: unit * 10 ** -fraction.length } : null
}

/** Readings from a terminal or a pipe, a line each. */
export interface TypedReadings {
  /** @throws ConfigError where the input has ended */
  next(question: string, signal: AbortSignal): Promise<Typed>
  close(): void
}

export function typedReadings(input: Readable, say: (text: string) => void): TypedReadings {
  const lines = createInterface({ input })
  const waiting = lines[Symbol.asyncIterator]()
  const line = (signal: AbortSignal) =>
    new Promise<IteratorResult<string>>((done, fail) => {
      const stop = () => fail(signal.reason)
      signal.addEventListener('abort', stop, { once: true })
      waiting
        .next()
        .then(done, fail)
        .finally(() => signal.removeEventListener('abort', stop))
    })
  return {
    async next(question, signal) {
      say(question)
      for (;;) {
        const { value, done } = await line(signal)
        if (done === true)
          throw new ConfigError([
            {
              path: 'standard input',
              message: `ended before every step had its reading; type one line a step, such as 412.5`,
            },
          ])
        const typed = readTyped(value)
        if (typed !== null) return typed
        say(`${JSON.stringify(value)} is no reading in watts; type a number such as 412.5.`)
      }
    },
    close: () => lines.close(),
  }
}
