import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createClock } from '../../agent/clock.ts'
import { createRecorder, type RecorderOptions, type WrittenChunk } from '../../agent/recorder.ts'
import { readChunk } from '../../analysis/schema/arrow.ts'
import { type ChunkKey, MAX_CHUNK_BYTES } from '../../analysis/schema/wire.ts'
import { sample } from './spool-support.ts'

/** A disk in memory that fails when told to. */
function disk(fails: () => boolean = () => false) {
  const chunks = new Map<string, { key: ChunkKey; bytes: Uint8Array }>()
  return {
    chunks,
    async writeChunk(key: ChunkKey, bytes: Uint8Array) {
      await new Promise(setImmediate)
      if (fails()) throw new Error('the disk is full')
      chunks.set(`${key.process_id}/${key.stream}/${key.seq}`, { key, bytes })
    },
    values(process_id: string): number[] {
      const mine = [...chunks.values()].filter((c) => c.key.process_id === process_id)
      mine.sort((a, b) => a.key.seq - b.key.seq)
      expect(mine.map((c) => c.key.seq)).toEqual(mine.map((_, i) => i))
      return mine.flatMap((c) => [...readChunk('sample', c.bytes).getChild('value')] as number[])
    },
  }
}

const recorder = (options: Omit<RecorderOptions, 'clock'>) =>
  createRecorder({ clock: createClock(), ...options })
const numbers = (n: number) => Array.from({ length: n }, (_, i) => i)

describe('a recorder', () => {
  test('writes each row once and in order, however the chunks are cut and whenever the disk fails', async () => {
    const actions = fc.array(
      fc.oneof(
        fc.record({ add: fc.nat(20), to: fc.constantFrom('p1', 'p2') }),
        fc.constant('flush' as const),
        fc.constant('wait' as const),
      ),
      { maxLength: 30 },
    )
    await fc.assert(
      fc.asyncProperty(
        actions,
        fc.integer({ min: 1, max: 15 }),
        fc.integer({ min: 1, max: 400 }),
        fc.array(fc.boolean(), { maxLength: 12 }),
        async (steps, maxRows, maxBytes, failures) => {
          const target = disk(() => failures.shift() ?? false)
          const seen: WrittenChunk[] = []
          const rec = recorder({
            spool: target,
            maxRows,
            maxBytes,
            maxAgeMs: 1,
            onChunk: (c) => seen.push(c),
          })
          const added = { p1: 0, p2: 0 }
          for (const step of steps) {
            if (step === 'flush') await rec.flush()
            else if (step === 'wait') await new Promise((r) => setTimeout(r, 1))
            else {
              const { to } = step as { to: 'p1' | 'p2' }
              const rows = numbers(step.add).map((i) => sample(added[to] + i))
              rec.addAll(to, 'sample', rows)
              added[to] += rows.length
            }
          }
          failures.length = 0
          await rec.close()
          for (const p of ['p1', 'p2'] as const) expect(target.values(p)).toEqual(numbers(added[p]))
          const counts = rec.counts().reduce((sum, c) => sum + c.count, 0)
          expect(counts).toBe(target.chunks.size)
          expect(seen.length).toBe(counts)
        },
      ),
      { numRuns: 60 },
    )
  })
  test('cuts a chunk by age, without being asked', async () => {
    const chunk = await new Promise<WrittenChunk>((onChunk) => {
      const rec = recorder({ spool: disk(), maxAgeMs: 20, onChunk })
      rec.add('p1', 'sample', sample(1))
    })
    expect(chunk).toMatchObject({ process_id: 'p1', stream: 'sample', seq: 0, rows: 1 })
    expect(chunk.age_ms).toBeGreaterThanOrEqual(15)
  })
  test('numbers each stream of each process from 0', async () => {
    const rec = recorder({ spool: disk() })
    rec.add('p1', 'sample', sample(1))
    rec.add('p1', 'event', { t_ns: 1, code: 'x' })
    rec.add('p2', 'sample', sample(1))
    await rec.flush()
    rec.add('p2', 'sample', sample(2))
    await rec.close()
    expect(rec.counts()).toEqual([
      { process_id: 'p1', stream: 'sample', count: 1 },
      { process_id: 'p1', stream: 'event', count: 1 },
      { process_id: 'p2', stream: 'sample', count: 2 },
    ])
  })
  test('keeps each chunk below what a server takes', async () => {
    const target = disk()
    const rec = recorder({ spool: target, maxBytes: Number.POSITIVE_INFINITY })
    // 40 rows with half a megabyte of text each, none alike: 20 MB, more than one chunk may hold.
    const rows = numbers(40).map((i) => ({ t_ns: i, code: String(i), detail: `${i}`.repeat(3e5) }))
    rec.addAll('p1', 'event', rows)
    await rec.close()
    const sizes = [...target.chunks.values()].map((c) => c.bytes.length)
    expect(Math.max(...sizes)).toBeLessThanOrEqual(MAX_CHUNK_BYTES)
    const codes = [...target.chunks.values()].flatMap(
      (c) => [...readChunk('event', c.bytes).getChild('code')] as string[],
    )
    expect(codes).toEqual(numbers(40).map(String))
  })
  test('leaves out a row that can not be encoded, and keeps its neighbours', async () => {
    const target = disk()
    const rec = recorder({ spool: target })
    rec.addAll('p1', 'sample', [sample(0), { ...sample(1), t_ns: 1.5 }, sample(2)])
    await rec.close()
    expect(target.values('p1')).toEqual([0, 2])
    expect((await rec.failed).message).toMatch(/^A row of stream sample can't be encoded/)
  })
  test('tells the first error of writing, once, and lets no one else fail', async () => {
    let fails = 0
    const rec = recorder({
      maxAgeMs: 1,
      spool: {
        async writeChunk() {
          throw new Error(`full ${fails++}`)
        },
      },
    })
    rec.add('p1', 'sample', sample(1))
    expect((await rec.failed).message).toBe('full 0')
    rec.add('p1', 'sample', sample(2))
    await rec.close()
    expect(rec.counts()).toEqual([])
    expect((await rec.failed).message).toBe('full 0')
  })
  test('takes no row after it was closed', async () => {
    const target = disk()
    const rec = recorder({ spool: target })
    rec.add('p1', 'sample', sample(0))
    await rec.close()
    rec.add('p1', 'sample', sample(1))
    await rec.flush()
    expect(target.values('p1')).toEqual([0])
  })
})
