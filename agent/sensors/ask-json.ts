import { Agent, request as askPlain } from 'node:http'
import { request as askSecure, Agent as SecureAgent } from 'node:https'
import type { Reason } from '../../analysis/schema/reason.ts'

/** An answer is a few kilobytes; one beyond this is something else. */
const LONGEST_BYTES = 1 << 20

/** Why something that was asked over HTTP or by a command gave no number, with the reason for the row. */
export class NoAnswer extends Error {
  readonly reason: Reason
  /** @param message what it did, without its name and without a full stop: "answers HTTP 404" */
  constructor(reason: Reason, message: string) {
    super(message)
    this.name = 'NoAnswer'
    this.reason = reason
  }
}

/**
 * Keeps the line to one device open between questions.
 * @param self_signed whether a certificate that nobody vouches for will do
 */
export const openLine = (url: string, self_signed: boolean): Agent =>
  url.startsWith('https:')
    ? new SecureAgent({ keepAlive: true, rejectUnauthorized: !self_signed })
    : new Agent({ keepAlive: true })

export interface Question {
  readonly url: string
  /** A Unix socket instead of the address' host. */
  readonly socketPath?: string
  readonly agent?: Agent
  readonly headers?: Readonly<Record<string, string>>
  /** Ends the waiting, by time or because nobody wants the answer any more. */
  readonly signal: AbortSignal
}

/**
 * Asks by GET for JSON. Redirects are not followed: a password would go where nobody sent it.
 * @throws NoAnswer for whatever is no JSON, and when the signal ends the waiting
 */
export async function askJson(question: Question): Promise<unknown> {
  const text = await askText(question)
  try {
    return JSON.parse(text)
  } catch {
    throw new NoAnswer('unsupported', 'answers with something other than JSON')
  }
}

function askText(question: Question, again = false): Promise<string> {
  const { url, socketPath, agent, headers, signal } = question
  return new Promise((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException) => {
      // A line that was kept open may have been closed by the other end just then: that is no failure of the device.
      if (asked.reusedSocket && !again && BROKEN.has(error.code ?? '') && !signal.aborted)
        resolve(askText(question, true))
      else reject(asNoAnswer(error, signal))
    }
    const ask = url.startsWith('https:') ? askSecure : askPlain
    const asked = ask(
      url,
      {
        headers: { accept: 'application/json', ...headers },
        signal,
        ...(agent === undefined ? {} : { agent }),
        ...(socketPath === undefined ? {} : { socketPath }),
      },
      (response) => {
        const refused = refusal(response.statusCode ?? 0, response.headers.location)
        if (refused !== null) {
          response.resume()
          return reject(refused)
        }
        const parts: Buffer[] = []
        let bytes = 0
        response.on('data', (part: Buffer) => {
          bytes += part.length
          if (bytes > LONGEST_BYTES)
            response.destroy(new NoAnswer('unsupported', 'answers with more than a megabyte'))
          else parts.push(part)
        })
        response.on('end', () => resolve(Buffer.concat(parts).toString('utf8')))
        response.on('error', fail)
      },
    )
    asked.on('error', fail)
    asked.end()
  })
}

const BROKEN: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE'])

function refusal(status: number, location: string | undefined): NoAnswer | null {
  if (status >= 200 && status < 300) return null
  if (status >= 300 && status < 400)
    return new NoAnswer(
      'unsupported',
      `answers with a redirect${location === undefined ? '' : ` to ${withoutQuery(location)}`}; write the address that it leads to`,
    )
  if (status === 401 || status === 403)
    return new NoAnswer('permission_denied', `answers HTTP ${status}: it wants another login`)
  return new NoAnswer(status >= 500 ? 'lost' : 'unsupported', `answers HTTP ${status}`)
}

/** The query of what was asked may hold a password, and a redirect repeats it. */
const withoutQuery = (location: string): string => location.replace(/[?#].*$/, '')

const UNTRUSTED = /CERT|SIGNED|UNABLE_TO_VERIFY/

function asNoAnswer(error: NodeJS.ErrnoException, signal: AbortSignal): NoAnswer {
  if (error instanceof NoAnswer) return error
  if (signal.aborted) return new NoAnswer('lost', 'gives no answer in time')
  const code = error.code ?? error.message
  if (UNTRUSTED.test(code))
    return new NoAnswer(
      'unsupported',
      `shows a certificate that nobody vouches for (${code}); where the network is yours, set self_signed: true`,
    )
  if (code === 'EACCES' || code === 'EPERM')
    return new NoAnswer('permission_denied', `can't be opened by this user (${code})`)
  return new NoAnswer('lost', `can't be reached (${code})`)
}
