import { expect, it } from 'vitest'
import { runEnergies } from '../../../analysis/energy/energy-scope.ts'
import { readings, runOf, s } from '../../support/run-fixture.ts'

const WINDOW = { start_ns: s(2), end_ns: s(12), rule: 'phase' } as const
const APU = 'GPU-00000000000000aa'
const CARD = 'GPU-00000000000000bb'
const seconds = Array.from({ length: 15 }, (_, t) => t)

/** A desktop: RAPL's package of 50 W, the kernel's figure of the same processor with its graphics, a card of 300 W. */
const run = (used: readonly string[]) =>
  runOf({
    devices: [
      { device_id: 'cpu_package:0', kind: 'cpu_package' },
      { device_id: APU, kind: 'soc' },
      { device_id: CARD, kind: 'gpu' },
    ],
    sensors: [
      {
        sensor_id: 'r',
        device_id: 'cpu_package:0',
        metric: 'cpu_energy_uj',
        source: 'rapl',
        scope: 'package',
      },
      { sensor_id: 'h', device_id: APU, metric: 'gpu_power_uw', source: 'hwmon', scope: 'module' },
      { sensor_id: 'c', device_id: CARD, metric: 'gpu_power_w', source: 'amdsmi', scope: 'gpu' },
    ],
    processes: [{ process_id: 'p1', device_ids: [...used] }],
    samples: [
      ...readings(
        'cpu_energy_uj',
        'cpu_package:0',
        seconds.map((t) => [t, t * 50e6] as const),
      ),
      ...readings(
        'gpu_power_uw',
        APU,
        seconds.map((t) => [t, 55e6] as const),
      ),
      ...readings(
        'gpu_power_w',
        CARD,
        seconds.map((t) => [t, 300] as const),
      ),
    ],
  })

it('counts a processor once whose graphics tell its power too', () => {
  // 10 s × 50 W, and 10 s × 300 W of the card
  expect(runEnergies(run(['cpu_package:0']), WINDOW).compute.energy_j).toBeCloseTo(500, 6)
  const onCard = runEnergies(run([CARD]), WINDOW)
  expect(onCard.gpu.energy_j).toBeCloseTo(3000, 6)
  expect(onCard.host.energy_j).toBeCloseTo(500, 6)
  expect(onCard.total.energy_j).toBeCloseTo(3500, 6)
})
