import type { Doctor, DoctorDevice, DoctorSource } from '../../analysis/schema/doctor.ts'

/** What counts as the energy of the device itself; the limit is a setting in the same unit. */
const isPower = (s: DoctorSource): boolean =>
  s.energy && !isLimit(s.metric) && s.value !== null && s.fault === null
const isLimit = (metric: string): boolean => metric.startsWith('gpu_power_limit_')

/** Whether a run on this host would rest on anything measured, and of what. */
export function verdictOf(
  devices: readonly Pick<DoctorDevice, 'device_id' | 'kind' | 'sources'>[],
): Doctor['verdict'] {
  const power = devices.map((d) => ({ kind: d.kind, sources: d.sources.filter(isPower) }))
  const kinds = (measured: boolean) =>
    counted(
      power.filter(({ sources }) =>
        measured
          ? sources.some((s) => s.measured)
          : sources.length > 0 && sources.every((s) => !s.measured),
      ),
    )
  const [measured, estimated] = [kinds(true), kinds(false)]
  const trusted = measured !== ''
  const parts = [
    trusted ? `Measured: ${measured}.` : null,
    estimated === ''
      ? null
      : `${trusted ? 'Only estimated' : 'Nothing is measured, only estimated'}: ${estimated}.`,
    trusted || estimated !== '' ? null : 'Nothing can be measured here.',
    trusted ? null : 'Results will be marked estimate_only, and never ranked.',
  ]
  return { trusted, sentence: parts.filter((p) => p !== null).join(' ') }
}

const NAMES: Readonly<Record<string, string>> = {
  gpu: 'GPU',
  gpu_instance: 'GPU instance',
  cpu_package: 'processor',
  dram: 'memory',
  npu: 'neural engine',
  soc: 'system on a chip',
  module: 'module',
  node: 'whole node',
  battery: 'battery',
}

/** `2 GPUs, processor`. */
function counted(found: readonly { readonly kind: string }[]): string {
  const kinds = [...new Set(found.map((f) => f.kind))]
  return kinds
    .map((kind) => {
      const n = found.filter((f) => f.kind === kind).length
      const name = NAMES[kind] ?? kind
      return n === 1 ? name : `${n} × ${name}`
    })
    .join(', ')
}
