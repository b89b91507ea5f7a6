import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { docsPage } from '../../../server/web/docs.ts'

const document = {
  openapi: '3.1.0',
  info: { title: 'llem', version: '1.0', description: 'Energy of inference.' },
  servers: [{ url: 'http://127.0.0.1:8642' }],
  paths: {
    '/api/v1/runs/{run_id}/chunks': {
      parameters: [{ name: 'run_id', in: 'path', required: true, schema: { type: 'string' } }],
      post: {
        summary: 'Sends one chunk',
        security: [{ bearer: [] }],
        parameters: [
          { name: 'seq', in: 'query', required: true, schema: { type: 'integer', minimum: 0 } },
          { name: 'Content-Digest', in: 'header', required: true, schema: { type: 'string' } },
          { name: 'dry', in: 'query', schema: { type: 'boolean', default: false } },
        ],
        requestBody: { content: { 'application/vnd.apache.arrow.stream': {} } },
        responses: {
          201: { description: 'stored' },
          409: {
            description: 'other bytes',
            content: {
              'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } },
            },
          },
        },
      },
    },
    '/api/v1/runs/{run_id}': {
      patch: {
        summary: "Changes a run's note",
        requestBody: {
          content: {
            'application/json': {
              schema: {
                type: 'object',
                required: ['note'],
                properties: {
                  note: { type: 'string', example: "it's fine" },
                  tags: { type: ['object', 'null'], additionalProperties: { type: 'string' } },
                },
              },
            },
          },
        },
        responses: { 200: { description: 'changed' } },
      },
    },
  },
  components: {
    schemas: {
      Problem: {
        type: 'object',
        description: 'RFC 9457',
        required: ['code'],
        properties: {
          code: { type: 'string', description: 'stable' },
          status: { type: 'integer', minimum: 400, maximum: 599 },
          errors: { type: 'array', items: { $ref: '#/components/schemas/Problem' } },
          kind: { enum: ['a', 'b'] },
          value: { anyOf: [{ type: 'number' }, { type: 'null' }] },
        },
      },
    },
  },
}

describe('the page of the API', () => {
  const page = docsPage(document).html

  it('gives every route and schema an anchor, and leads to it', () => {
    for (const anchor of [
      'post-api-v1-runs-run-id-chunks',
      'patch-api-v1-runs-run-id',
      'schema-problem',
    ]) {
      expect(page).toContain(`id="${anchor}"`)
      expect(page).toContain(`href="#${anchor}"`)
    }
  })

  it('tells parameters of the path and of the operation with their type and default', () => {
    expect(page).toContain('whole number, at least 0')
    expect(page).toMatch(/<code class="name">run_id<\/code><\/th>/)
    expect(page).toMatch(/<code class="name">dry<\/code>\s*<small>optional<\/small>/)
    expect(page).toContain('default <code>false</code>')
  })

  it('tells answers with status, meaning and schema', () => {
    expect(page).toMatch(/<th scope="row">409<\/th><td>other bytes<\/td>/)
    expect(page).toContain('<a href="#schema-problem">Problem</a>')
  })

  it('tells schemas in words', () => {
    expect(page).toContain('list of <a href="#schema-problem">Problem</a>')
    expect(page).toContain('whole number, at least 400, at most 599')
    expect(page).toContain('one of <code>a</code>, <code>b</code>')
    expect(page).toContain('number or null')
    expect(page).toContain('object whose values are text or null')
  })

  it('shows a command for each route, with a token where one is needed', () => {
    expect(page).toContain('-H &quot;Authorization: Bearer $LLEM_TOKEN&quot;')
    expect(page).toContain('--data-binary @FILE')
    expect(page).toContain('http://127.0.0.1:8642/api/v1/runs/RUN_ID/chunks?seq=SEQ')
    // A quote within the body closes the shell's quotes, is escaped, and opens them again.
    expect(page).toContain(
      '--data &#39;{&quot;note&quot;:&quot;it&#39;\\&#39;&#39;s fine&quot;}&#39;',
    )
  })

  it('loads nothing', () => {
    expect(page).not.toMatch(/(?:src|href)\s*=\s*["'](?:https?:)?\/\//i)
    expect(page).not.toContain('<script')
  })

  it('escapes the text of the document, and takes whatever it holds', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 30 }), fc.jsonValue(), (noise, example) => {
        const evil = `</style><x-evil ${noise}<script>`
        const { html } = docsPage({
          info: { title: evil, description: evil },
          paths: {
            [`/${evil}`]: {
              post: {
                summary: evil,
                requestBody: {
                  content: { [`json${evil}`]: { schema: { example, description: evil } } },
                },
                responses: { [evil]: { description: evil } },
              },
            },
          },
          components: { schemas: { [evil]: { type: evil, enum: [evil], default: example } } },
        })
        expect(html).not.toContain('<x-evil')
        expect(html).not.toContain('<script')
      }),
    )
  })

  it('shows an empty document as an empty page', () => {
    expect(docsPage({}).html).toContain('</html>')
  })
})
