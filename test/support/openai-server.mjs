// A small server with the OpenAI completions API, with faults on demand: what an engine can do wrong, for real over HTTP.
// node openai-server.mjs --port 8000 --mode ok|http-500|long-fails|error-in-stream|aborts|no-tokens|hang|no-length|open-after-done|huge-counts|dies|never-ready|exits
import { createServer } from 'node:http'
import { parseArgs } from 'node:util'

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    mode: { type: 'string', default: 'ok' },
    'token-ms': { type: 'string', default: '2' },
    after: { type: 'string', default: '6' }, // requests that are answered well before the fault
  },
})
const { mode } = values
if (mode === 'exits') {
  console.error('CUDA error: out of memory')
  process.exit(7)
}
let served = 0

const json = (response, status, body) => {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify(body))
}
const sleep = (ms) => new Promise((r) => setTimeout(r, ms))

const server = createServer(async (request, response) => {
  if (request.url === '/health') return json(response, mode === 'never-ready' ? 503 : 200, {})
  if (request.url === '/v1/models') return json(response, 200, { data: [{ id: 'double' }] })
  let text = ''
  for await (const part of request) text += part
  if (mode === 'never-ready') return json(response, 503, { error: { message: 'loading' } })
  const body = JSON.parse(text || '{}')
  const prompt = body.prompt ?? body.messages?.map((m) => m.content).join(' ') ?? ''
  const input = Array.isArray(prompt) ? prompt.length : String(prompt).trim().split(/\s+/).length
  const faulty = ++served > Number(values.after)
  if (faulty && mode === 'http-500') return json(response, 500, { error: { message: 'boom' } })
  const tokens = body.max_tokens ?? body.max_completion_tokens ?? 8
  // The first short request, which proves an engine ready, is answered; every real one fails.
  if (mode === 'long-fails' && tokens > 1)
    return json(response, 500, { error: { message: 'boom' } })
  if (faulty && mode === 'dies') process.exit(9)
  if (faulty && mode === 'hang') return
  // What is streamed is answered; the short requests that find lengths of prompts are not.
  if (mode === 'no-length' && body.stream !== true) return
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  const send = (event) => response.write(`data: ${JSON.stringify(event)}\n\n`)
  const count =
    faulty && mode === 'no-tokens' ? 0 : (body.max_tokens ?? body.max_completion_tokens ?? 8)
  for (let i = 0; i < count; i++) {
    await sleep(Number(values['token-ms']))
    if (faulty && mode === 'error-in-stream' && i === 2) {
      send({ error: { message: 'the engine core died', type: 'internal' } })
      return response.end()
    }
    if (faulty && mode === 'aborts' && i === 2) {
      send({ choices: [{ index: 0, text: '', delta: {}, finish_reason: 'abort' }] })
      return response.end('data: [DONE]\n\n')
    }
    send({
      choices: [
        {
          index: 0,
          text: ' a',
          delta: { content: ' a' },
          finish_reason: i === count - 1 ? 'length' : null,
        },
      ],
    })
  }
  const stated = faulty && mode === 'huge-counts' ? 3_107_511_590 : count
  send({ choices: [], usage: { prompt_tokens: input, completion_tokens: stated } })
  if (faulty && mode === 'open-after-done') return response.write('data: [DONE]\n\n')
  response.end('data: [DONE]\n\n')
})
server.listen(Number(values.port), '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${server.address().port}/v1`)
})
