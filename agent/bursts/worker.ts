import { createInterface } from 'node:readline'
import { CudaError, openCuda } from '../ffi/cuda.ts'
import { createHeater, type Heater } from './heater.ts'
import { requestSchema } from './protocol.ts'

// The bursts' own process: its calls wait for the GPU, which must not hold up the sampling. Started with the GPU's
// UUID, asked by lines on stdin, answers by lines on stdout, and ends with stdin.

const reply = (message: unknown) => process.stdout.write(`${JSON.stringify(message)}\n`)
const fail = (error: unknown) => {
  const known = error instanceof CudaError
  reply({ failed: known ? error.message : ((error as Error).stack ?? String(error)) })
}

// Nobody reads the reply any more: the end of stdin says the rest.
process.stdout.on('error', () => {})

function answer(heater: Heater, line: string): void {
  const request = requestSchema.parse(JSON.parse(line))
  if ('use' in request) {
    const launch_s = heater.use(request.use.kernel, request.use.operands)
    reply({ used: { launch_s } })
    return
  }
  const { begin_ns, end_ns } = heater.burst(request.burst.launches)
  reply({ done: { begin_ns: begin_ns.toString(), end_ns: end_ns.toString() } })
}

try {
  const uuid = process.argv[2] ?? ''
  const heater = createHeater(await openCuda(uuid, process.env['LLEM_CUDA_PATH'] ?? null))
  reply({ ready: heater.info })
  for await (const line of createInterface({ input: process.stdin })) answer(heater, line)
} catch (error) {
  fail(error)
}
process.exit()
