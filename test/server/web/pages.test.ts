/// <reference lib="dom" />
import { AxeBuilder } from '@axe-core/playwright'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { toJson } from '../../../analysis/schema/json.ts'
import type { RunFileInput } from '../../../analysis/schema/run.ts'
import { OPEN_PAGES } from '../../../server/routes/pages.ts'
import { launchChromium } from '../../support/chromium.ts'
import { watchedPage } from '../../support/watched-page.ts'
import { sendAnswers } from '../answers-run.ts'
import { RUN_ID, sampleRunFile } from '../sample-run.ts'
import { type ProblemBody, type Served, sendRun, served } from '../served.ts'

/** Each would run, were it taken for markup: an element, two handlers, and the end of a script. */
const EVIL =
  '<script>window.ran=1</script><img src=x onerror="window.ran=2"></script><svg onload="window.ran=3">"><b onmouseover=\'window.ran=4\'>'
const BROWSER = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' }

function evilRun(): string {
  const file = sampleRunFile({ name: EVIL, model: EVIL })
  const experiment = { ...(file.run.experiment as object), tags: { team: EVIL } }
  const own: RunFileInput = { ...file, run: { ...file.run, experiment } }
  return toJson(own, 2)
}

describe('pages of the server', () => {
  let browser: Browser
  let server: Served
  const report = `/api/v1/reports/${RUN_ID}`

  beforeAll(async () => {
    browser = await launchChromium()
    server = await served()
    await sendRun(server.api, RUN_ID, evilRun())
    for (const [id, model] of [
      ['run-a', `a-${EVIL}`],
      ['run-b', 'b-1b'],
    ] as const)
      await sendAnswers(server.api, id, {
        ...{ model, watts: 300, prompts: [undefined, undefined, `Say ${EVIL}`], says: EVIL },
      })
    // A page of runs shows what was computed before.
    await fetch(`${server.api}/runs/${RUN_ID}/summary`)
  }, 600_000)

  afterAll(async () => {
    await browser?.close()
    await server?.close()
  })

  const get = (path: string, headers: Record<string, string> = BROWSER) =>
    fetch(`${server.url}${path}`, { headers, redirect: 'manual' })
  const open = (path: string, options?: Parameters<typeof watchedPage>[2]) =>
    watchedPage(browser, `${server.url}${path}`, options)
  const ranOf = (page: Page) => page.evaluate(() => (window as { ran?: number }).ran ?? null)

  /** Every address of the server that can be opened, from its own description. */
  async function addresses(): Promise<string[]> {
    const openapi = (await (await get('/api/v1/openapi.json')).json()) as {
      paths: Record<string, { get?: unknown }>
    }
    const described = Object.entries(openapi.paths)
      .filter(([, operations]) => operations.get !== undefined)
      .map(([path]) => path.replace('{run_id}', RUN_ID).replace(/\{\w+\}/g, 'sample'))
      .filter((path) => !path.endsWith('/events'))
    return [...OPEN_PAGES, '/healthz', '/readyz', '/metrics', '/wrong', '/api/v1/x', ...described]
  }

  it('and every other response allow nothing inline, no frame, no sniffing and no foreign referrer', async () => {
    const all = await addresses()
    expect(all).toContain(report)
    const pages: string[] = []
    for (const path of all)
      for (const accept of [BROWSER.accept, 'application/json']) {
        const response = await get(path, { accept })
        const { headers } = response
        await response.arrayBuffer()
        const policy = headers.get('content-security-policy') ?? ''
        expect(policy, path).toMatch(/^default-src 'none'/)
        expect(policy, path).toMatch(/frame-ancestors 'none'$/)
        expect(policy, path).not.toMatch(/unsafe|https?:|\*/)
        expect(headers.get('x-content-type-options'), path).toBe('nosniff')
        expect(headers.get('referrer-policy'), path).toBe('same-origin')
        if (headers.get('content-type')?.startsWith('text/html')) pages.push(path)
      }
    expect(pages).toEqual(expect.arrayContaining(['/', '/docs', '/vote', '/wrong', report]))
  })

  it('take scripts from their own server, and reports from themselves by hash', async () => {
    const scripts = async (path: string) =>
      /script-src ([^;]*)/.exec((await get(path)).headers.get('content-security-policy') ?? '')?.[1]
    expect(await scripts('/vote')).toBe("'self'")
    expect(await scripts('/')).toBe("'none'")
    expect(await scripts('/docs')).toBe("'none'")
    // Its own script, and the one of live charts that it unpacks.
    expect(await scripts(report)).toMatch(/^'sha256-[\w+/]{43}=' 'sha256-[\w+/]{43}='$/)
  })

  it('open without a complaint of the browser or a request elsewhere, and run nothing of the data', async () => {
    for (const path of ['/', '/docs', '/vote?a=run-a&b=run-b', report, '/api/v1/reports/run-a']) {
      const { page, complaints, foreign, close } = await open(path)
      if (path.startsWith('/vote')) {
        await page.locator('#ballot').waitFor()
        await page.getByRole('button', { name: 'Answer 1 is better' }).click()
        await page.locator('#reveal').waitFor()
        expect(await page.locator('#facts').textContent()).toContain(EVIL)
      }
      expect([path, complaints, foreign, await ranOf(page)]).toEqual([path, [], [], null])
      expect(await page.locator('b[onmouseover], svg[onload], img').count()).toBe(0)
      await close()
    }
  })

  it('have scripts and handlers refused by the browser itself, should the data ever become markup', async () => {
    for (const path of ['/', '/docs', '/vote', report]) {
      const { page, complaints, close } = await open(path)
      complaints.length = 0
      await page.evaluate((evil) => {
        document.body.insertAdjacentHTML('beforeend', evil)
        const script = document.createElement('script')
        script.textContent = 'window.ran = 5'
        document.body.append(script)
      }, EVIL)
      const refused = () => new Set(complaints.map((c) => /^refused by ([\w-]+)/.exec(c)?.[1]))
      await expect.poll(refused).toContain('script-src-attr')
      await expect.poll(refused).toContain('script-src-elem')
      expect([path, await ranOf(page)]).toEqual([path, null])
      await close()
    }
  })

  it('draw the live charts of a served report, with values on hover and a menu to save them', async () => {
    const { page, complaints, close } = await open(report)
    for (const button of await page.locator('button[data-chart]').all()) {
      await button.click()
      const live = page.locator(`#live-${await button.getAttribute('data-chart')}`)
      await live.locator('svg.marks').waitFor()
      await live.locator('summary').click()
      const link = live.getByRole('link', { name: 'Save as SVG' })
      await link.dispatchEvent('mousedown')
      await expect.poll(() => link.getAttribute('href')).toMatch(/^(blob|data):/)
      await live.locator('summary').click()
    }
    await page.locator('#live-ledger .mark-rect path').first().hover()
    await expect
      .poll(() => page.locator('#vg-tooltip-element').evaluate((e) => getComputedStyle(e).position))
      .toBe('fixed')
    expect(complaints).toEqual([])
    await close()
  })

  it('begin with the newest runs, each with its report', async () => {
    const { page, close } = await open('/')
    expect(await page.locator('.runs tbody tr').count()).toBe(3)
    const row = page.locator('.runs tbody tr', { hasText: 'node-1' }).last()
    expect(await row.textContent()).toMatch(/invalid|valid/)
    await row.getByRole('link').click()
    expect(page.url()).toBe(`${server.url}${report}`)
    await close()
  })

  it('give a person at a wrong address a page with the sentence that programs get', async () => {
    const path = '/api/v1/reports/none'
    const { status, code, detail } = (await (await get(path, {})).json()) as ProblemBody
    expect([status, code]).toEqual([404, 'unknown_run'])
    const shown = await get(path)
    expect([shown.status, shown.headers.get('vary')]).toEqual([404, 'accept'])
    const { page, close } = await open(path)
    expect(await page.locator('main').textContent()).toContain(detail)
    await page.getByRole('link', { name: 'Newest runs' }).click()
    expect(new URL(page.url()).pathname).toBe('/')
    await close()
    for (const accept of ['*/*', 'application/json', 'application/problem+json'])
      expect((await get('/wrong', { accept })).headers.get('content-type')).toBe(
        'application/problem+json',
      )
    expect((await get('/', { accept: '*/*' })).headers.get('location')).toBe('/docs')
  })

  it('show no run of a server that requires a token', async () => {
    const locked = await served({ token: 'secret' })
    try {
      const headers = { authorization: 'Bearer secret' }
      await fetch(`${locked.api}/runs`, { method: 'POST', body: evilRun(), headers })
      const { page, complaints, close } = await watchedPage(browser, `${locked.url}/`)
      expect(await page.locator('main').textContent()).toContain('requires a token')
      expect(await page.locator('table').count()).toBe(0)
      await page.goto(`${locked.url}/vote`)
      await page.getByLabel('Token of this server').waitFor()
      expect(complaints).toEqual([])
      await close()
    } finally {
      await locked.close()
    }
  })

  it('say on an empty server how to begin, and that there is no pair, without an error in the console', async () => {
    const empty = await served()
    try {
      const { page, complaints, close } = await watchedPage(browser, `${empty.url}/vote`)
      await expect.poll(() => page.locator('#status').textContent()).toContain('no two models')
      await page.goto(`${empty.url}/vote?a=x&b=y`)
      await expect.poll(() => page.locator('#status').textContent()).toContain('no run "x"')
      await page.goto(`${empty.url}/`)
      expect(await page.locator('main').textContent()).toContain('There is no run yet')
      expect(complaints).toEqual([])
      await close()
      const program = await fetch(`${empty.api}/pairs/next`)
      expect([program.status, ((await program.json()) as ProblemBody).code]).toEqual([
        404,
        'no_pairs',
      ])
    } finally {
      await empty.close()
    }
  })

  for (const colorScheme of ['light', 'dark'] as const)
    it(`break no rule of accessibility in ${colorScheme}, and fit a phone`, async () => {
      for (const path of ['/', '/wrong']) {
        const { page, close } = await open(path, { colorScheme, width: 360 })
        const { violations } = await new AxeBuilder({ page }).analyze()
        expect(violations.map((v) => `${v.id}: ${v.nodes[0]?.html.slice(0, 200)}`)).toEqual([])
        expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360)
        await close()
      }
    })
})
