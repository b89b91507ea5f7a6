import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach } from 'vitest'
import type { RunFileInput } from '../../analysis/schema/run.ts'
import type { SampleRow } from '../../analysis/schema/stream.ts'

/** Directories for one test file's tests, removed after each. */
export function temporaryDirectories(): () => Promise<string> {
  const made: string[] = []
  afterEach(async () => {
    for (const path of made.splice(0)) await rm(path, { recursive: true, force: true })
  })
  return async () => {
    const path = await mkdtemp(join(tmpdir(), 'llem-spool-'))
    made.push(path)
    return path
  }
}

export const PROCESS = 'p1'

export function runFile(run_id: string, more: Partial<RunFileInput['run']> = {}): RunFileInput {
  return {
    bundle_version: 1,
    run: {
      run_id,
      experiment: { model: 'm', engine: 'openai' } as never,
      phases: [{ phase: 'measure', start_t_ns: 10, end_t_ns: 20 }],
      ...more,
    },
    devices: [],
    processes: [{ process_id: PROCESS, clock: [{ t_ns: 0, wall_unix_ns: '1790000000123456789' }] }],
  }
}

/** Row number i: told apart by its time and value. */
export const sample = (i: number): SampleRow => ({
  t_ns: i,
  device_id: 'GPU-1',
  metric: 'gpu_power_mw',
  value: i,
})
