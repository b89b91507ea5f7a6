import type { AddressInfo } from 'node:net'
import { createInterface } from 'node:readline'
import { loadModel } from './embedded-model.ts'
import type { WorkerConfig, WorkerReply } from './embedded-protocol.ts'
import { createEmbeddedServer } from './embedded-server.ts'
import { EngineError } from './engine.ts'

// The embedded engine's own process: told what to load by a line on stdin, answers with its port on stdout, and
// lives as long as stdin is open: an agent that was killed closes it too.

const reply = (message: WorkerReply) => process.stdout.write(`${JSON.stringify(message)}\n`)

/** Hard, since threads of llama.cpp may be in the middle of a batch, and an orderly exit would wait for them. */
const end = () => process.kill(process.pid, 'SIGKILL')

// Nobody reads the reply any more: the end of stdin says the rest.
process.stdout.on('error', () => {})
const lines = createInterface({ input: process.stdin })
lines.once('line', (line) => void serve(JSON.parse(line) as WorkerConfig))
process.stdin.once('end', end)
process.stdin.once('error', end)
process.once('SIGTERM', end)

async function serve(config: WorkerConfig): Promise<void> {
  try {
    const loaded = await loadModel(config)
    const server = createEmbeddedServer(loaded, config.model)
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(0, '127.0.0.1', resolve)
    })
    const { llama } = loaded
    reply({
      ready: true,
      port: (server.address() as AddressInfo).port,
      version: loaded.version,
      gpu: llama.gpu === false ? null : llama.gpu,
      gpu_layers: loaded.model.gpuLayers,
      gpu_devices: llama.gpu === false ? [] : await llama.getGpuDeviceNames(),
      context_tokens: loaded.context_tokens,
      system: llama.systemInfo,
    })
  } catch (error) {
    reply({
      ready: false,
      kind: error instanceof EngineError ? error.kind : 'failed',
      message: error instanceof Error ? error.message : String(error),
    })
  }
}
