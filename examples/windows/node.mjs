// A Node program that marks windows: the socket's whole protocol is one JSON line a mark.
//
//   llem-agent measure --windows /tmp/llem.sock -- node examples/windows/node.mjs
import { connect } from 'node:net'

const socket = process.env.LLEM_WINDOWS ? connect(process.env.LLEM_WINDOWS) : null
// Without the agent the program runs on unmarked.
socket?.on('error', (error) => console.error(`no windows are recorded: ${error.message}`))
// The connection must not keep the program alive.
socket?.unref()

/** process.hrtime is CLOCK_MONOTONIC, the clock of the agent. */
const now = () => Number(process.hrtime.bigint())
const send = (line) => socket?.write(`${JSON.stringify(line)}\n`)
let ids = 0

/** Marks what `work` does; the counts that it returns go with the end. */
async function window(name, work) {
  const id = ++ids
  send({ begin: name, id, t_ns: now() })
  let counts = {}
  try {
    counts = (await work()) ?? {}
  } finally {
    send({ end: id, t_ns: now(), ...counts })
  }
}

const generate = async (tokens) => {
  let total = 0
  for (let i = 0; i < tokens * 400_000; i++) total += Math.sqrt(i)
  return { tokens: total > 0 ? tokens : 0 }
}

for (let request = 0; request < 3; request++) {
  await window('prefill', () => generate(100))
  await window('decode', () => generate(200))
}
// What was written is sent before the program ends.
await new Promise((done) => (socket ? socket.end(done) : done()))
