import { resolve } from 'node:path'
import type { Experiment } from '../../analysis/schema/experiment.ts'
import { readCalibrations } from '../calibrate/store.ts'
import { lockDevices } from '../device-lock.ts'
import { CONNECT_LIMIT_S, connectServer, type ServerConnection } from '../embedded-server.ts'
import type { Reporter } from '../progress.ts'
import { createRecorder, type WrittenChunk } from '../recorder.ts'
import type { RecordingParts, RunResult } from '../recording.ts'
import { redactorOfRun } from '../run-secrets.ts'
import { OPEN_LIMIT_MS, openSamplerThread } from '../sampler-thread.ts'
import { hostOptions } from '../sensors/host-options.ts'
import { createShipper, PATIENCE_MS, type Shipper } from '../shipper.ts'
import { hideOfSite } from '../site-secret.ts'
import { createSpool, type Spool } from '../spool.ts'
import { spoolDir, stateDir } from '../state-dir.ts'
import { waiting } from '../wait-line.ts'
import type { FinishedRun, RecordOptions } from './run-options.ts'

/** One call of a command that records: its runs are of one study and go to one place. */
export interface Session {
  readonly study_id: string
  readonly options: RecordOptions
  readonly reporter: Reporter
  readonly server: ServerConnection | null
  readonly signal: AbortSignal
  /** The file or preset that the runs come from, where they come from one. */
  readonly source?: string
  /** How many runs it will record: one lies in --out itself, several in a folder each. */
  readonly runs: number
}

/** The server that the options name, or the embedded one; null for --no-server. Says which. */
export async function openServer(
  options: RecordOptions,
  reporter: Reporter,
): Promise<ServerConnection | null> {
  if (options.server === false) return null
  const place = options.server ?? `the server of ${resolve(options.db)}`
  const server = await waiting(reporter, place, CONNECT_LIMIT_S, () =>
    connectServer({
      server: options.server || null,
      db: resolve(options.db),
      token: process.env['LLEM_TOKEN'] ?? null,
      say: reporter.say,
    }),
  )
  reporter.say(options.server ? `Sending to ${options.server}` : `Database: ${resolve(options.db)}`)
  return server
}

/**
 * Records one run with this host's sensors, ships it meanwhile, seals it and writes its bundle.
 * What its configuration and the environment hold of secrets is redacted in everything that is written or sent.
 * @param configuration in clear; its sensors: which sources to use (null: all), and the meters of the node
 */
export async function recordRun(
  session: Session,
  configuration: { readonly sensors: Pick<Experiment['sensors'], 'only' | 'meters'> },
  run: (parts: RecordingParts) => Promise<RunResult>,
): Promise<FinishedRun> {
  const { server, reporter, options } = session
  const { sensors } = configuration
  const hide = hideOfSite()
  // Something to redact may turn up in the middle of a run: a secret that can't be made is reported before it.
  hide('')
  const redactor = redactorOfRun(configuration, process.env, hide)
  let shipper: Shipper | null = null
  const calibrations = await readCalibrations(stateDir())
  const ended = await run({
    redact: redactor.heard.text,
    calibrations,
    study_id: session.study_id,
    openSensors: (clock) =>
      waiting(reporter, 'the sensors', OPEN_LIMIT_MS / 1000, () =>
        openSamplerThread(hostOptions(clock, process.env, sensors.meters), sensors.only),
      ),
    lockDevices: (ids, run_id) =>
      lockDevices(ids, {
        ...{ stateDir: stateDir(), run_id, signal: session.signal },
        ...{ say: reporter.say, wait: reporter.wait },
        ...(options.lock_wait_s === undefined ? {} : { limit_s: options.lock_wait_s }),
      }),
    openSpool: (run_id) => createSpool(spoolDir(), run_id, server?.target, redactor),
    openRecorder: (spool, clock) => {
      if (server) shipper = createShipper({ spool, server, say: reporter.say })
      const onChunk = (chunk: WrittenChunk) => shipper?.chunk(chunk)
      return createRecorder({ spool, clock, onChunk, redactor: redactor.heard })
    },
    onRunChanged: () => shipper?.update(),
    reporter,
    signal: session.signal,
  })
  const reason = ended.reason === null ? null : redactor.heard.text(ended.reason)
  const result = { ...ended, reason }
  const seal = {
    outcome: result.outcome,
    reason,
    chunks: result.recorder.counts(),
  }
  await result.spool.end(seal)
  const { spool } = result
  const bundle = options.out === null ? null : await writeBundle(spool, options.out, session.runs)
  if (shipper === null) {
    // Recorded only: with --out the copy is the run, else the spool is.
    if (bundle !== null) await spool.remove()
    return { result, shipped: false, bundle, configuration }
  }
  const sent = await waiting(
    reporter,
    `${server?.client.url} to take the rest of the run (given up ${PATIENCE_MS / 1000} s after it took something last)`,
    null,
    () => (shipper as Shipper).finish(seal),
  )
  return { result, shipped: sent === 'sealed', bundle, configuration }
}

/** One run: the folder itself is its bundle; several: a folder each, named by run id. */
async function writeBundle(spool: Spool, out: string, runs: number): Promise<string> {
  const to = runs === 1 ? resolve(out) : resolve(out, spool.run_id)
  await spool.copyBundle(to)
  return to
}
