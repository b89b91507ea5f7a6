import type { Doctor, DoctorDevice, DoctorSource } from '../../analysis/schema/doctor.ts'

/** What counts as the energy of the device itself; the limit is a setting in the same unit, and cores are a part. */
const isPower = (s: DoctorSource): boolean =>
  s.energy &&
  !isLimit(s.metric) &&
  s.metric !== 'cpu_core_energy_uj' &&
  s.value !== null &&
  s.fault === null
const isLimit = (metric: string): boolean => metric.startsWith('gpu_power_limit_')

/** Whether a run on this host would rest on anything measured, and of what. */
export function verdictOf(
  devices: readonly Pick<DoctorDevice, 'device_id' | 'kind' | 'sources'>[],
): Doctor['verdict'] {
  const power = devices.map((d) => ({ kind: d.kind, sources: d.sources.filter(isPower) }))
  const isMeasured = ({ sources }: (typeof power)[number]) => sources.some((s) => s.measured)
  const packages = power.filter((d) => d.kind === 'cpu_package')
  const read = packages.filter(isMeasured).length
  // The energy of a processor is that of all its packages: without one the sum is not known.
  const partly = read > 0 && read < packages.length
  const kinds = (measured: boolean) =>
    counted(
      power.filter((device) =>
        measured
          ? isMeasured(device) && !(partly && device.kind === 'cpu_package')
          : device.sources.length > 0 && !isMeasured(device),
      ),
    )
  const [measured, estimated] = [kinds(true), kinds(false)]
  const trusted = measured !== ''
  const parts = [
    trusted ? `Measured: ${measured}.` : null,
    estimated === ''
      ? null
      : `${trusted ? 'Only estimated' : 'Nothing is measured, only estimated'}: ${estimated}.`,
    trusted || estimated !== ''
      ? null
      : `Nothing can be measured ${partly ? 'in whole ' : ''}here.`,
    partly
      ? `Not counted: processor, since only ${read} of its ${packages.length} packages can be read.`
      : null,
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
