import { toJson } from '../analysis/schema/json.ts'
import type { Problem } from '../analysis/schema/wire.ts'
import type { BadField } from './bad-field.ts'
import { pageResponse } from './page-response.ts'
import { problemPage } from './web/problem-page.ts'

/** An answer that is an error: a status, a stable code for programs, a sentence for people. */
export class HttpProblem extends Error {
  readonly status: number
  readonly code: string
  readonly errors: readonly BadField[]
  readonly headers: Readonly<Record<string, string>>
  constructor(
    status: number,
    code: string,
    detail: string,
    more: { errors?: readonly BadField[]; headers?: Readonly<Record<string, string>> } = {},
  ) {
    super(detail)
    this.name = 'HttpProblem'
    this.status = status
    this.code = code
    this.errors = more.errors ?? []
    this.headers = more.headers ?? {}
  }
}

const TITLES: Record<number, string> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  406: 'Not Acceptable',
  409: 'Conflict',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  422: 'Unprocessable Content',
  426: 'Upgrade Required',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
  507: 'Insufficient Storage',
}

/** RFC 9457 problem details. */
export const problemBody = (problem: HttpProblem): Problem => ({
  type: 'about:blank',
  title: TITLES[problem.status] ?? 'Error',
  status: problem.status,
  code: problem.code,
  detail: problem.message,
  ...(problem.errors.length > 0 ? { errors: [...problem.errors] } : {}),
})

/** An error as a response: a page for people, problem details for programs. */
export function problemResponse(problem: HttpProblem, asPage: boolean): Response {
  const { status } = problem
  const body = problemBody(problem)
  const headers = { ...problem.headers, vary: 'accept' }
  if (asPage) return pageResponse(problemPage(body), status, headers)
  return new Response(toJson(body), {
    status,
    headers: { 'content-type': 'application/problem+json', ...headers },
  })
}
