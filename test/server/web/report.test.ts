import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { RunData } from '../../../analysis/readings/run-data.ts'
import { REASONS } from '../../../analysis/schema/reason.ts'
import type { MetricValue, Summary } from '../../../analysis/schema/summary.ts'
import { summarise } from '../../../analysis/summary.ts'
import { exploreBundle } from '../../../server/web/explore-bundle.ts'
import { reportHtml, reportSpecs } from '../../../server/web/report.ts'
import { simulatedRun } from '../../support/simulated-run.ts'

const small = { measure_s: 10, hz: 20, requests: 60 }
const invalid = (summary: Summary): Summary => ({
  ...summary,
  valid: false,
  findings: [
    { code: 'short_measurement', severity: 'info', message: 'It was short.', evidence: {} },
    {
      code: 'thermal_throttle',
      severity: 'invalid',
      message: 'The GPU slowed down for its temperature.',
      evidence: { share_pct: 4.1, bits: ['sw_thermal'] },
    },
  ],
})
/** The text of a page without its drawings, scripts and tags. */
const textOf = (html: string): string =>
  html
    .replace(/<(svg|script|style)[\s\S]*?<\/\1>/g, ' ')
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')

describe('the report', () => {
  it('is one file that loads nothing and forbids itself to', async () => {
    const run = simulatedRun(small)
    const html = await reportHtml(run, summarise(run))
    const page = html.replace(/<script[\s\S]*?<\/script>/g, '')
    expect(/(?:src|href|action|poster|data)\s*=\s*["']?\s*(?:https?:)?\/\//i.exec(page)).toBeNull()
    expect(/@import|url\(\s*["']?https?:/i.exec(page)).toBeNull()
    expect(html.includes(`content="default-src 'none';`)).toBe(true)
  })

  it('says what was looked for and not read, and the remedy', async () => {
    const run = simulatedRun(small)
    const fix = 'Grant read access to energy_uj.'
    const missing = [{ source: 'rapl', device_id: null, reason: 'permission_denied', fix }]
    const environment = { ...run.environment, missing_sensors: [...missing, 'rubbish', null] }
    const text = textOf(await reportHtml({ ...run, environment }, summarise(run)))
    expect(text).toContain(`Not read rapl : ${REASONS.permission_denied}. ${fix}`)
  })

  it('names the run, its setup and its headline with both ranges, rounded by the uncertainty', async () => {
    const run = simulatedRun(small)
    const summary = summarise(run)
    const text = textOf(await reportHtml(run, summary))
    expect(summary.valid).toBe(true)
    for (const part of [
      'simulated chat valid',
      'model smollm2-135m',
      'host node-17',
      'started 2026-07-14 09:31:07 UTC',
      'joules per output token',
      '95 % range',
      'Repeatable range',
      'kWh per million output tokens',
      'NVML power ring',
      'llem-agent run run.yaml',
      run.run_id,
      'sensor gain and offset',
    ])
      expect(text.includes(part), part).toBe(true)
  })

  it('puts the findings first where the result is invalid, the worst before the others', async () => {
    const run = simulatedRun(small)
    const html = await reportHtml(run, invalid(summarise(run)))
    const at = (id: string) => html.indexOf(`id="${id}"`)
    expect(html.includes('>INVALID<')).toBe(true)
    expect(at('findings')).toBeLessThan(at('headline'))
    expect(html.indexOf('slowed down')).toBeLessThan(html.indexOf('It was short.'))
    expect(textOf(html)).toContain('share_pct 4.1 bits [&quot;sw_thermal&quot;]')
  })

  it('puts the headline first where the result is valid', async () => {
    const run = simulatedRun(small)
    const html = await reportHtml(run, summarise(run))
    expect(html.indexOf('id="headline"')).toBeLessThan(html.indexOf('id="findings"'))
  })

  it('shows what is not available with its reason, never as zero', async () => {
    const run = simulatedRun(small)
    const summary = summarise(run)
    const text = textOf(await reportHtml(run, summary))
    const reasons = new Set(
      Object.values(summary.metrics).flatMap((m) => (m.value === null ? [m.reason] : [])),
    )
    expect(reasons.size).toBeGreaterThan(1)
    for (const reason of reasons)
      expect(text.includes(REASONS[reason ?? 'not_recorded'])).toBe(true)
    expect(text.includes('node energy energy_node_j')).toBe(true)
  })

  it('says why where even the headline is missing, and still shows the rest', async () => {
    const run = { ...simulatedRun(small), requests: [] }
    const summary = summarise(run)
    const text = textOf(await reportHtml(run, summary))
    expect(summary.metrics['energy_per_output_token_j']?.value).toBeNull()
    expect(text.includes('Energy per output token not available')).toBe(true)
    expect(text.includes('No chart: no request of the measured load brought a token')).toBe(true)
    expect(text.includes('Power over time')).toBe(true)
  })

  it('marks an estimate as an estimate', async () => {
    const run = simulatedRun(small)
    const summary = summarise(run)
    const metric = summary.metrics['energy_per_output_token_j']
    if (metric === undefined) throw new Error('no headline')
    const metrics = {
      ...summary.metrics,
      energy_per_output_token_j: { ...metric, provenance: 'cpu_estimate' },
    }
    const text = textOf(await reportHtml(run, { ...summary, metrics }))
    expect(/joules per output token estimate/.test(text)).toBe(true)
    expect(text.includes('no sensor measured this host')).toBe(true)
  })

  it('survives a run with nothing in it', async () => {
    const run: RunData = {
      ...simulatedRun(small),
      host: null,
      started_at: null,
      outcome: null,
      phases: [],
      devices: [],
      sensors: [],
      requests: [],
      processes: [],
    }
    const html = await reportHtml(run, summarise(run))
    expect(html.endsWith('</html>\n')).toBe(true)
    expect(/undefined|NaN|\[object/.exec(textOf(html))).toBeNull()
  })

  it('escapes whatever text the run holds', async () => {
    const base = simulatedRun(small)
    const summary = summarise(base)
    // Without the split rows, which name the devices too.
    const { series: _, ...table } = base.samples
    const scripts = (await reportHtml(base, summary)).split('<script').length
    await fc.assert(
      fc.asyncProperty(fc.string({ maxLength: 40, unit: 'binary' }), async (noise) => {
        const evil = `</script></style><x-evil a='"${noise}<!--<script>alert(1)</script>]]>&`
        const run: RunData = {
          ...base,
          reason: evil,
          host: { hostname: evil, os: evil, cpu_model: evil },
          experiment: {
            ...base.experiment,
            raw: { [evil]: evil },
            name: evil,
            model: evil,
            engine: evil,
            tags: { [evil]: evil },
          },
          environment: { [evil]: evil },
          devices: base.devices.map((d) => ({ ...d, device_id: evil, index: null, model: evil })),
          sensors: base.sensors.map((s) => ({ ...s, source: evil, scope: evil, metric: evil })),
          samples: { ...table, devices: [evil] },
        }
        const html = await reportHtml(run, {
          ...summary,
          findings: [
            { code: 'clock_step', severity: 'info', message: evil, evidence: { [evil]: evil } },
          ],
          devices: summary.devices.map((d) => ({
            ...d,
            model: evil,
            device_id: evil,
            provenance: evil,
          })),
          metrics: {
            ...summary.metrics,
            [evil]: { ...(summary.metrics['power_mean_w'] as MetricValue), scope: evil },
          },
        })
        expect(html.includes('<x-evil')).toBe(false)
        expect(html.includes('<!--')).toBe(false)
        expect(html.split('<script').length).toBe(scripts)
      }),
      { numRuns: 8 },
    )
  })

  it('finds the code of live charts in the build, and does without it elsewhere', async () => {
    expect((await exploreBundle())?.packed).toMatch(/^[A-Za-z0-9+/]{1000}/)
    expect(await exploreBundle('file:///nowhere/at/all/report.js')).toBeNull()
  })

  it('hides secrets of the configuration', async () => {
    const base = simulatedRun(small)
    const raw = { ...base.experiment.raw, engine: { env: { HF_TOKEN: 'hf_not_for_you' } } }
    const html = await reportHtml(
      { ...base, experiment: { ...base.experiment, raw } },
      summarise(base),
    )
    expect(html.includes('hf_not_for_you')).toBe(false)
  })
})

describe('a run of a million samples and ten thousand requests', () => {
  it('gives a report below 3 MB that still holds every part', { timeout: 120_000 }, async () => {
    const run = simulatedRun({
      gpus: 8,
      hz: 200,
      measure_s: 600,
      requests: 10_000,
      concurrency: 64,
    })
    expect(run.samples.length).toBeGreaterThan(999_000)
    const t0 = performance.now()
    const summary = summarise(run)
    const t1 = performance.now()
    const html = await reportHtml(run, summary)
    const t2 = performance.now()
    console.log(
      `summary ${(t1 - t0).toFixed(0)} ms, report ${(t2 - t1).toFixed(0)} ms, ${(html.length / 1e6).toFixed(2)} MB`,
    )
    expect(Buffer.byteLength(html)).toBeLessThan(3e6)
    for (const name of ['power', 'ttft', 'itl', 'ledger', 'latency'])
      expect(html.includes(`<div class="live" id="live-${name}"`)).toBe(true)
    expect(html.includes('Drawn are 2000 of 10\u202f000 requests')).toBe(true)
  })
})

describe('the bare specs', () => {
  it('are plain JSON with the data inside, in colours that need no page', () => {
    const run = simulatedRun(small)
    const specs = reportSpecs(run, summarise(run))
    expect(Object.keys(specs)).toEqual(['power', 'ttft', 'itl', 'ledger', 'latency'])
    const text = JSON.stringify(specs)
    expect(JSON.parse(text)).toEqual(specs)
    expect(/var\(--|currentColor/.exec(text)).toBeNull()
  })
})
