import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { visibleDevices, visibleVariables } from '../../../agent/sensors/visible-devices.ts'
import type { Environment } from '../../../agent/sensors/visible-list.ts'
import type { Device } from '../../../analysis/schema/device.ts'

const A = 'GPU-8932f937-d72c-4106-c12f-20bd9faed9f6'
const B = 'GPU-8932aaaa-0000-4106-c12f-20bd9faed9f6'
const C = 'GPU-cccccccc-0000-4106-c12f-20bd9faed9f6'
const gpu = (device_id: string, index: number, more: object = {}): Device => ({
  ...{ device_id, kind: 'gpu', vendor: 'nvidia', model: 'H100', index },
  ...more,
})
const THREE = [gpu(A, 0), gpu(B, 1), gpu(C, 2)]
const cpu: Device = { device_id: 'cpu_package:0', kind: 'cpu_package' }

const PART1 = 'MIG-11111111-0000-4000-8000-000000000001'
const PART2 = 'MIG-22222222-0000-4000-8000-000000000002'
const part = (device_id: string, gpu_instance_id: number): Device => ({
  ...{ device_id, kind: 'gpu_instance', vendor: 'nvidia', parent_device_id: B },
  ...{ gpu_instance_id, compute_instance_id: 0 },
})
/** GPU B is partitioned. */
const PARTITIONED = [gpu(A, 0), gpu(B, 1, { partitioned: true }), part(PART1, 7), part(PART2, 9)]

const see = (env: Environment, devices: readonly Device[] = THREE) => visibleDevices(env, devices)
const cuda = (text: string, devices: readonly Device[] = THREE) =>
  see({ CUDA_VISIBLE_DEVICES: text }, devices)

describe('CUDA_VISIBLE_DEVICES', () => {
  it('shows all GPUs where it is not set, by the order of the driver', () => {
    expect(see({}, [gpu(B, 1), gpu(A, 0), cpu])).toEqual({
      device_ids: [A, B],
      reason: null,
      problem: null,
      notes: [],
    })
  })

  it('hides all where it is empty', () => {
    expect(cuda('').device_ids).toEqual([])
    expect(cuda(' ').notes).toEqual(['CUDA_VISIBLE_DEVICES is empty: no GPU is visible.'])
  })

  it.each([
    ['2,0', [C, A]],
    [' 1 , 2 ', [B, C]],
    [`${C},${A}`, [C, A]],
    ['GPU-c', [C]],
    ['GPU-8932f,2', [A, C]],
    [`0,${C}`, [A, C]],
  ])('%j keeps its order: %j', (text, ids) => {
    expect(cuda(text)).toMatchObject({ device_ids: ids, notes: [], problem: null })
  })

  it.each([
    ['0,2,-1,1', [A, C], '"-1"', ' and the 1 after it'],
    ['-1', [], '"-1"', ''],
    ['0,3,1', [A], '"3"', ' and the 1 after it'],
    ['1,GPU-ffff,0', [B], '"GPU-ffff"', ' and the 1 after it'],
    ['2,GPU-8932,0', [C], '"GPU-8932"', ' and the 1 after it'], // two begin so
    ['0,,1', [A], '""', ' and the 1 after it'],
    ['NoDevFiles', [], '"NoDevFiles"', ''],
    ['0,gpu-cccc', [A], '"gpu-cccc"', ''], // CUDA looks at the case
    [`0,${PART1},1`, [A], `"${PART1}"`, ' and the 1 after it'],
  ])('%j: the first that names none hides itself and all after it', (text, ids, entry, rest) => {
    const seen = cuda(text)
    expect(seen.device_ids).toEqual(ids)
    expect(seen.notes).toEqual([
      `CUDA_VISIBLE_DEVICES is ${JSON.stringify(text)}: ${entry} names no GPU, or more than one, and hides itself${rest}.`,
    ])
  })

  it.each(['1,1', `1,${B}`, `${A},0`])('%j names one twice, which CUDA refuses', (text) => {
    const seen = cuda(text)
    expect(seen.device_ids).toEqual([])
    expect(seen.problem).toMatch(/^CUDA_VISIBLE_DEVICES is .* twice; CUDA refuses that\. .*\.$/)
  })

  it('takes no second naming into account that is hidden anyway', () => {
    expect(cuda('1,-1,1')).toMatchObject({ device_ids: [B], problem: null })
  })
})

describe('places of unlike GPUs', () => {
  const MIXED = [gpu(A, 0), gpu(B, 1, { model: 'T4' })]

  it('are uncertain, since CUDA orders them by speed', () => {
    const seen = cuda('0', MIXED)
    expect(seen).toMatchObject({ device_ids: [], reason: 'ambiguous_mapping', problem: null })
    expect(seen.notes[0]).toMatch(/H100, T4.*CUDA_DEVICE_ORDER=PCI_BUS_ID/)
  })

  it.each([
    ['in the order of PCI', { CUDA_VISIBLE_DEVICES: '1', CUDA_DEVICE_ORDER: 'PCI_BUS_ID' }, [B]],
    ['named by UUID', { CUDA_VISIBLE_DEVICES: B }, [B]],
    ['named all', { CUDA_VISIBLE_DEVICES: '1,0' }, [B, A]],
    ['none named', { CUDA_VISIBLE_DEVICES: '' }, []],
    ['none hidden', {}, [A, B]],
  ])('are certain where they are %s', (_, env, ids) => {
    expect(see(env, MIXED)).toMatchObject({ device_ids: ids, reason: null })
  })
})

describe('a partitioned GPU', () => {
  it.each([
    [PART2, PART2],
    ['MIG-2222', PART2],
    [`MIG-${B}/9/0`, PART2],
    [`MIG-GPU-8932a/7/0`, PART1],
    [B, PART1],
    ['1', PART1],
  ])('is used by its instance: %s', (text, id) => {
    expect(cuda(text, PARTITIONED).device_ids).toEqual([id])
  })

  it.each([`MIG-${B}/8/0`, `MIG-${A}/7/0`, 'MIG-', `MIG-${B}/7`])(
    '%s names no instance',
    (text) => {
      expect(cuda(text, PARTITIONED).device_ids).toEqual([])
    },
  )

  it('gives a program one instance and nothing beside it', () => {
    for (const seen of [
      see({}, PARTITIONED),
      cuda(`${PART1},${PART2}`, PARTITIONED),
      cuda(`0,${PART1}`, PARTITIONED),
    ]) {
      expect(seen.device_ids).toEqual([PART1])
      expect(seen.notes).toEqual([
        `CUDA shows a program one instance of a partitioned GPU alone: ${PART1}.`,
      ])
    }
  })

  it('without instance computes nothing', () => {
    expect(see({}, [gpu(A, 0), gpu(B, 1, { partitioned: true })]).device_ids).toEqual([A])
  })
})

describe('NVIDIA_VISIBLE_DEVICES', () => {
  it('hides nothing more: the driver shows what it left, and places count that', () => {
    const seen = (text: string | undefined, left = '2') =>
      see({ NVIDIA_VISIBLE_DEVICES: left, CUDA_VISIBLE_DEVICES: text }, [gpu(C, 0)])
    expect(seen(undefined)).toMatchObject({ device_ids: [C], notes: [] })
    expect(seen(C)).toMatchObject({ device_ids: [C], notes: [] })
    expect(seen('0', 'all')).toMatchObject({ device_ids: [C], notes: [] })
    expect(seen('0')).toMatchObject({
      device_ids: [C],
      notes: [
        'CUDA_VISIBLE_DEVICES is "0" beside NVIDIA_VISIBLE_DEVICES "2": in a container places count the GPUs that the second leaves.',
      ],
    })
  })

  it('is recorded with the other variables that are set', () => {
    expect(
      visibleVariables({ PATH: '/bin', NVIDIA_VISIBLE_DEVICES: 'all', HIP_VISIBLE_DEVICES: '' }),
    ).toEqual({
      NVIDIA_VISIBLE_DEVICES: 'all',
      HIP_VISIBLE_DEVICES: '',
    })
  })
})

describe('GPUs of AMD', () => {
  const amd = (device_id: string, index: number, more: object = {}) =>
    gpu(device_id, index, { vendor: 'amd', ...more })
  const FOUR = [0, 1, 2, 3].map((i) => amd(`amd-${i}`, i, { uuid: `GPU-000000000000000${i}` }))
  const ids = (...places: number[]) => places.map((i) => `amd-${i}`)

  it.each([
    [{}, ids(0, 1, 2, 3)],
    [{ ROCR_VISIBLE_DEVICES: '3,1' }, ids(3, 1)],
    [{ ROCR_VISIBLE_DEVICES: 'GPU-0000000000000002,0' }, ids(2, 0)],
    [{ HIP_VISIBLE_DEVICES: '1' }, ids(1)],
    [{ CUDA_VISIBLE_DEVICES: '2' }, ids(2)],
    [{ HIP_VISIBLE_DEVICES: '1', CUDA_VISIBLE_DEVICES: '2' }, ids(1)],
    // HIP counts what ROCR left: place 0 of [3, 1].
    [{ ROCR_VISIBLE_DEVICES: '3,1', HIP_VISIBLE_DEVICES: '0' }, ids(3)],
    [{ ROCR_VISIBLE_DEVICES: '3,1', HIP_VISIBLE_DEVICES: '1,2' }, ids(1)],
    [{ ROCR_VISIBLE_DEVICES: '' }, []],
    [{ ROCR_VISIBLE_DEVICES: '0,9,1' }, ids(0)],
    [{ HIP_VISIBLE_DEVICES: '-1' }, []],
  ])('%j shows %j', (env, shown) => {
    expect(see(env, FOUR).device_ids).toEqual(shown)
  })

  it('that are named twice are refused', () => {
    expect(see({ HIP_VISIBLE_DEVICES: '1,1' }, FOUR).problem).toMatch(/amd-1 twice/)
  })

  it('are told apart from those of NVIDIA in one host', () => {
    expect(see({ ROCR_VISIBLE_DEVICES: '1' }, [...THREE, ...FOUR]).device_ids).toEqual([
      ...[A, B, C, 'amd-1'],
    ])
  })
})

describe('whatever the variables say', () => {
  const entry = fc.oneof(
    fc.integer({ min: -2, max: 5 }).map(String),
    fc.constantFrom(A, B, C, PART1, PART2, 'GPU-8932', 'GPU-c', '', 'x', `MIG-${B}/7/0`),
  )
  it('each visible device is there, and named once; nothing is thrown', () => {
    fc.assert(
      fc.property(fc.array(entry), fc.constantFrom(THREE, PARTITIONED), (entries, devices) => {
        const { device_ids, problem } = cuda(entries.join(','), devices)
        expect(new Set(device_ids).size).toBe(device_ids.length)
        for (const id of device_ids) expect(devices.map((d) => d.device_id)).toContain(id)
        if (problem !== null) expect(device_ids).toEqual([])
      }),
    )
  })
})
