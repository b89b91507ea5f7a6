import type { OpenAPIHono } from '@hono/zod-openapi'
import type { Context } from 'hono'
import type { z } from 'zod'
import { toJson } from '../analysis/schema/json.ts'
import { API_PREFIX, MAX_JSON_BYTES, problemSchema } from '../analysis/schema/wire.ts'
import { badFields } from './bad-field.ts'
import { readBody } from './body.ts'
import { HttpProblem } from './problem.ts'
import { RunFileError, readJsonText } from './run-file.ts'

type App = OpenAPIHono

interface Answer {
  readonly description: string
  /** What the body is; a string is a media type with bytes or text of no JSON schema. */
  readonly body?: z.ZodType | string
}

/** One address: how it is described in openapi.json, checked and answered, from the same schemas. */
export interface Endpoint<P, Q, B> {
  readonly method: 'get' | 'post' | 'put' | 'patch' | 'delete'
  /** Below /api/v1, with `{name}` for parameters. */
  readonly path: string
  readonly summary: string
  readonly params?: z.ZodType<P>
  /** Unknown parameters are refused: give a strict object. */
  readonly query?: z.ZodType<Q>
  /** A JSON body that is parsed without rounding and checked. */
  readonly body?: z.ZodType<B>
  /** A body that the handler reads itself, as the description says it. */
  readonly raw_body?: { readonly media_type: string; readonly schema: z.ZodType | string }
  readonly answers: Readonly<Record<number, Answer>>
  handle(
    c: Context,
    input: { readonly params: P; readonly query: Q; readonly body: B },
  ): Promise<Response> | Response
}

/** Adds one address to the application and to its description. */
export function endpoint<P = undefined, Q = Record<string, never>, B = undefined>(
  app: App,
  it: Endpoint<P, Q, B>,
): void {
  describe(app, it)
  app.on(
    it.method.toUpperCase(),
    `${API_PREFIX}${it.path.replace(/\{(\w+)\}/g, ':$1')}`,
    async (c) => {
      const params = it.params ? check(it.params, c.req.param(), 'path') : (undefined as P)
      const query = readQuery(it, c)
      const body = it.body ? await readJson(it.body, c) : (undefined as B)
      return it.handle(c, { params, query, body })
    },
  )
}

/** Values to JSON, bigint as plain digits. */
export function json(value: unknown, status = 200, headers: Record<string, string> = {}): Response {
  return new Response(toJson(value), {
    status,
    headers: { 'content-type': 'application/json', ...headers },
  })
}

function readQuery<P, Q, B>(it: Endpoint<P, Q, B>, c: Context): Q {
  const given = Object.fromEntries(
    Object.entries(c.req.queries()).map(([k, v]) => [k, v.length === 1 ? v[0] : v]),
  )
  if (it.query) return check(it.query, given, 'query')
  const [unknown] = Object.keys(given)
  if (unknown !== undefined)
    throw new HttpProblem(400, 'invalid_query', `The parameter ${unknown} is not known here.`, {
      errors: Object.keys(given).map((k) => ({ path: `query.${k}`, message: 'is not known here' })),
    })
  return {} as Q
}

function check<T>(schema: z.ZodType<T>, value: unknown, where: 'path' | 'query'): T {
  const result = schema.safeParse(value, { reportInput: true })
  if (result.success) return result.data
  const errors = badFields(result.error.issues, where, schema)
  throw new HttpProblem(400, `invalid_${where}`, sentence(errors), { errors })
}

async function readJson<T>(schema: z.ZodType<T>, c: Context): Promise<T> {
  const bytes = await readBody(c, MAX_JSON_BYTES)
  const result = schema.safeParse(parsed(bytes), { reportInput: true })
  if (result.success) return result.data
  const errors = badFields(result.error.issues, '', schema)
  throw new HttpProblem(422, 'invalid_body', sentence(errors), { errors })
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return readJsonText(bytes).value
  } catch (error) {
    if (error instanceof RunFileError)
      throw new HttpProblem(400, 'invalid_json', `The body can't be read: ${error.message}.`)
    throw error
  }
}

const sentence = (errors: readonly { path: string; message: string }[]): string =>
  errors.map((e) => `${e.path || 'the body'} ${e.message}`).join('; ')

function describe<P, Q, B>(app: App, it: Endpoint<P, Q, B>): void {
  const content = (body: z.ZodType | string | undefined) =>
    body === undefined
      ? {}
      : typeof body === 'string'
        ? { content: { [body]: { schema: { type: 'string' as const } } } }
        : { content: { 'application/json': { schema: body } } }
  const errors = {
    default: {
      description: 'problem details (RFC 9457)',
      content: { 'application/problem+json': { schema: problemSchema } },
    },
  }
  const raw = it.raw_body && {
    body: {
      content: {
        [it.raw_body.media_type]: {
          schema:
            typeof it.raw_body.schema === 'string'
              ? { type: 'string' as const, description: it.raw_body.schema }
              : it.raw_body.schema,
        },
      },
      required: true,
    },
  }
  app.openAPIRegistry.registerPath({
    method: it.method,
    path: `${API_PREFIX}${it.path}`,
    summary: it.summary,
    request: {
      ...(it.params ? { params: it.params as never } : {}),
      ...(it.query ? { query: it.query as never } : {}),
      ...(it.body
        ? { body: { content: { 'application/json': { schema: it.body } }, required: true } }
        : {}),
      ...raw,
    },
    responses: {
      ...Object.fromEntries(
        Object.entries(it.answers).map(([status, a]) => [
          status,
          { description: a.description, ...content(a.body) },
        ]),
      ),
      ...errors,
    },
  })
}
