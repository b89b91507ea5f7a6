import { v7 as uuidv7 } from 'uuid'
import { judgeRecordedBursts } from '../../analysis/online/bursts.ts'
import {
  type BurstLoad,
  type BurstReport,
  doctorBurstsSchema,
} from '../../analysis/schema/bursts.ts'
import { parseJson } from '../../analysis/schema/json.ts'
import { BurstError } from '../bursts/child.ts'
import type { KernelName } from '../bursts/kernels.ts'
import { measureBursts } from '../bursts/measure.ts'
import { planned, REPEAT } from '../bursts/plan.ts'
import { burstTable } from '../bursts/table.ts'
import { useColour } from '../colour.ts'
import { Interrupted, onInterrupt } from '../interrupt.ts'
import { createReporter, type Reporter } from '../progress.ts'
import type { Spool } from '../spool.ts'
import { stateDir } from '../state-dir.ts'
import { recordRun, type Session } from './record-run.ts'
import type { ExitCode } from './run-options.ts'
import { prepareOut } from './run-results.ts'

export interface DoctorBurstsOptions {
  readonly json: boolean
  readonly full: boolean
  readonly device: string | null
  readonly repeat: number | null
  readonly lengths_ms: readonly number[] | null
  readonly load: BurstLoad | 'both'
  readonly kernel: KernelName | null
  readonly out: string | null
}

/** `llem-agent doctor --bursts`: how well this GPU's sensors tell short bursts of known work. */
export async function doctorBursts(options: DoctorBurstsOptions): Promise<ExitCode> {
  const record = { server: false, db: '', out: options.out, json: options.json } as const
  await prepareOut(record, 1)
  const reporter = quiet(createReporter(process.stderr, false))
  const interrupt = onInterrupt(reporter.say, {
    first: 'Stopping: the bursts that were recorded until now are kept and judged.',
    second: 'Stopped at once. Nothing was judged.',
  })
  const session: Session = {
    ...{ study_id: uuidv7(), options: record, reporter, server: null, runs: 1 },
    signal: interrupt.signal,
  }
  const plan = planned({
    device: options.device,
    kernel: options.kernel,
    repeat: options.repeat ?? (options.full ? REPEAT.full : REPEAT.usual),
    ...(options.load === 'both' ? {} : { loads: [options.load] }),
    ...(options.lengths_ms === null ? {} : { lengths_ms: options.lengths_ms }),
  })
  try {
    let reports: readonly BurstReport[] = []
    const { result, bundle } = await recordRun(
      session,
      { sensors: { only: null, meters: [] } },
      async (parts) => {
        const measured = await measureBursts({
          ...parts,
          ...{ plan, nvmlPath: process.env['LLEM_NVML_PATH'] ?? null, stateDir: stateDir() },
          random: Math.random,
        })
        reports = await judge(measured.spool)
        // What ended before its first burst is no recording worth keeping.
        if (reports.length > 0) return measured
        await measured.spool.remove()
        if (measured.outcome === 'interrupted')
          throw new Interrupted('Stopped before the first burst; nothing was kept.')
        throw new BurstError(measured.reason ?? 'No burst was recorded.')
      },
    )
    const where = bundle ?? result.spool.dir
    if (options.json)
      print(JSON.stringify(doctorBurstsSchema.parse({ bundle: where, reports }), null, 2))
    else {
      const colour = useColour(process.stdout)
      for (const report of reports) print(burstTable(report, colour))
      print(`\nRecorded as ${where}`)
    }
    if (result.outcome === 'interrupted') return 130
    if (result.outcome === 'failed') throw new BurstError(result.reason ?? 'The run failed.')
    return reports.every((r) => r.goals_met === true) ? 0 : 3
  } finally {
    interrupt.dispose()
  }
}

const print = (text: string) => process.stdout.write(`${text}\n`)

/** Bursts tell their own progress. */
const quiet = (reporter: Reporter): Reporter => ({
  ...reporter,
  phase: () => {},
  progress: () => {},
  runEnds: () => {},
})

async function judge(spool: Spool): Promise<readonly BurstReport[]> {
  const keys = await spool.chunks()
  const chunks = await Promise.all(
    keys.map(async (key) => ({ ...key, bytes: await spool.readChunk(key) })),
  )
  return judgeRecordedBursts(parseJson(await spool.readRun()), chunks)
}
