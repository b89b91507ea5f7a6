import { expect, it } from 'vitest'
import { summarise } from '../../../analysis/summary.ts'
import { devicesSection } from '../../../server/web/report-devices.ts'
import { GPU, GPU2, readings, runOf } from '../../support/run-fixture.ts'

const GIB = 2 ** 30

it('tells the most memory of each device, and how much it has, where that is known', async () => {
  const run = runOf({
    phases: { measure: [10, 20] },
    devices: [
      { device_id: GPU, kind: 'gpu', memory_bytes: 80 * GIB },
      { device_id: GPU2, kind: 'gpu', memory_bytes: 80 * GIB },
    ],
    samples: readings('gpu_memory_used_bytes', GPU, [
      [12, 5 * GIB],
      [18, 5.25 * GIB],
      [25, 70 * GIB],
    ]),
  })
  const text = String(await devicesSection(run, summarise(run)))
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
  const [, first, second] = text.split(/GPU-\w{8}-/)
  expect(first).toContain('5.25 GiB of 80 GiB')
  expect(second).not.toContain('GiB')
})
