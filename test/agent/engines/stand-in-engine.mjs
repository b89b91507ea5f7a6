// A server with the OpenAI API as other engines are: strict about fields, slow to be ready, or broken.
import { createServer } from 'node:http'

const flags = new Set(process.argv.slice(2))
const port = Number(process.argv.find((a) => /^\d+$/.test(a)))
if (flags.has('--fails')) {
  console.error('RuntimeError: CUDA driver version is insufficient')
  process.exit(3)
}
if (flags.has('--stubborn')) process.on('SIGTERM', () => {})
const readyAt = Date.now() + (flags.has('--slow') ? 500 : 0)
const known = new Set(['model', 'prompt', 'messages', 'max_tokens', 'stream'])
if (!flags.has('--strict'))
  for (const f of ['stream_options', 'ignore_eos', 'min_tokens']) known.add(f)

createServer(async (request, response) => {
  if (flags.has('--never')) return response.writeHead(503).end('loading')
  if (Date.now() < readyAt) return response.writeHead(503).end()
  if (flags.has('--key') && request.headers.authorization !== 'Bearer secret')
    return response.writeHead(401).end('{"error":{"message":"invalid key"}}')
  if (request.url === '/health') return response.end('{}')
  if (request.url === '/v1/models') return response.end('{"data":[{"id":"m","max_model_len":77}]}')
  if (!/completions$/.test(request.url)) return response.writeHead(404).end()
  let text = ''
  for await (const part of request) text += part
  const body = JSON.parse(text)
  if (flags.has('--broken'))
    return response.writeHead(500).end('{"error":{"message":"CUDA out of memory"}}')
  if (flags.has('--empty'))
    return response.writeHead(200, { 'content-type': 'text/event-stream' }).end()
  const unexpected = Object.keys(body).filter((key) => !known.has(key))
  if (unexpected.length > 0) {
    const named = flags.has('--strict') ? `: {'${unexpected.join("', '")}'}` : `: ${unexpected[0]}`
    return response
      .writeHead(422)
      .end(JSON.stringify({ detail: `Unexpected fields in the request${named}` }))
  }
  const prompt_tokens = Array.isArray(body.prompt)
    ? 1
    : (body.prompt ?? body.messages[0].content).trim().split(/ +/).length + (body.messages ? 9 : 0)
  const usage = { prompt_tokens, completion_tokens: body.max_tokens }
  const choices = (t, finish_reason) => [
    { index: 0, ...(body.messages ? { delta: { content: t } } : { text: t }), finish_reason },
  ]
  if (!body.stream) return response.end(JSON.stringify({ choices: choices('x', 'length'), usage }))
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  for (let i = 0; i < body.max_tokens; i++)
    response.write(`data: ${JSON.stringify({ choices: choices(' x', null) })}\n\n`)
  response.end(`data: ${JSON.stringify({ choices: choices('', 'length'), usage })}\n\n`)
}).listen(port, '127.0.0.1')
