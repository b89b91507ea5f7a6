import { lockDevices } from '../../agent/device-lock.ts'

// Holds the lock of GPU-a until it is killed.
await lockDevices(['GPU-a'], {
  stateDir: process.argv[2] as string,
  say: () => {},
  signal: new AbortController().signal,
})
process.send?.('locked')
setInterval(() => {}, 1000)
