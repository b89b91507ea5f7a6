// A raw TCP server that answers every request with a stream of the given number of chunks, each an HTTP chunk of its
// own, several to a write as a busy engine's.
import { createServer } from 'node:net'

const chunks = Number(process.argv[2])
const frame = (text) => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`
const event = (i) =>
  frame(
    `data: ${JSON.stringify({
      id: 'cmpl-9a39faf3f6761c8f',
      object: 'text_completion',
      created: 1795492124,
      model: 'tiny',
      choices: [
        {
          index: 0,
          text: ` word${i}`,
          logprobs: null,
          finish_reason: i === chunks - 1 ? 'length' : null,
          token_ids: [i],
        },
      ],
    })}\n\n`,
  )
const events = Array.from({ length: chunks }, (_, i) => event(i))
const head =
  'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n'
const tail = `${frame('data: [DONE]\n\n')}0\r\n\r\n`

createServer((socket) => {
  socket.setNoDelay(true)
  socket.on('error', () => {})
  let text = ''
  socket.on('data', (bytes) => {
    text += bytes.toString('latin1')
    if (!text.includes('\r\n\r\n') || !text.endsWith('}')) return
    text = ''
    let i = 0
    socket.write(head)
    const next = () => {
      if (i < events.length) {
        socket.write(events[i++])
        setImmediate(next)
      } else socket.write(tail)
    }
    next()
  })
}).listen(0, '127.0.0.1', function listening() {
  process.send(this.address().port)
})
