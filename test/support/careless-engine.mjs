// A server with the OpenAI completions API that lets in whoever knows its keys, and writes them into its log, its
// responses and its errors: what careless engines do.
// MY_SETTING=.. HF_TOKEN=.. node careless-engine.mjs --port 8000 --api-key K --token=T [--dies-after N]
import { createServer } from 'node:http'
import { parseArgs } from 'node:util'

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    'api-key': { type: 'string' },
    token: { type: 'string' },
    'dies-after': { type: 'string' },
  },
})
const { MY_SETTING, HF_TOKEN } = process.env
console.error('non-default args:', values, process.argv.join(' '))
console.error(`MY_SETTING is ${MY_SETTING}; HF_TOKEN=${HF_TOKEN}`)
let served = 0

const server = createServer(async (request, response) => {
  const json = (status, body) => {
    response.writeHead(status, { 'content-type': 'application/json' })
    response.end(JSON.stringify(body))
  }
  if (request.url === '/health') return json(200, {})
  if (request.url === '/v1/models') return json(200, { data: [{ id: 'double', root: HF_TOKEN }] })
  let text = ''
  for await (const part of request) text += part
  const body = JSON.parse(text || '{}')
  const known =
    request.headers.authorization === `Bearer ${values['api-key']}` &&
    body.api_key === values.token &&
    MY_SETTING !== undefined &&
    !HF_TOKEN.startsWith('redacted')
  if (!known) return json(401, { error: { message: `not let in: ${JSON.stringify(body)}` } })
  if (++served > Number(values['dies-after'] ?? Number.POSITIVE_INFINITY)) {
    console.error(`giving up with ${MY_SETTING}, ${values['api-key']} and ${HF_TOKEN}`)
    process.exit(9)
  }
  if (served > 3 && served % 3 === 0)
    return json(500, {
      error: { message: `${MY_SETTING}: key ${values['api-key']}, http://u:${values.token}@hub/x` },
    })
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  const send = (event) => response.write(`data: ${JSON.stringify(event)}\n\n`)
  const count = body.max_tokens ?? 8
  for (let i = 0; i < count; i++)
    send({ choices: [{ index: 0, text: ' a', finish_reason: i === count - 1 ? 'length' : null }] })
  send({ choices: [], usage: { prompt_tokens: 4, completion_tokens: count } })
  response.end('data: [DONE]\n\n')
})
server.listen(Number(values.port), '127.0.0.1', () => console.log('ready'))
