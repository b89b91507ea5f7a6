/// <reference lib="dom" />
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { AxeBuilder } from '@axe-core/playwright'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { summarise } from '../../../analysis/summary.ts'
import { docsPage } from '../../../server/web/docs.ts'
import { reportHtml } from '../../../server/web/report.ts'
import { launchChromium } from '../../support/chromium.ts'
import { simulatedRun } from '../../support/simulated-run.ts'

const EVIL = '<img src=x onerror="document.title=1"></script><b>bold'

describe('pages in a browser', () => {
  let browser: Browser
  let folder: string
  const address = (name: string) => pathToFileURL(join(folder, name)).href

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'llem-pages-'))
    browser = await launchChromium()
    const run = simulatedRun({
      measure_s: 20,
      hz: 20,
      requests: 100,
      gpus: 2,
      fail_every: 20,
      name: EVIL,
    })
    await writeFile(join(folder, 'report.html'), await reportHtml(run, summarise(run)))
    await writeFile(
      join(folder, 'docs.html'),
      docsPage({
        info: { title: 'API' },
        paths: { '/a/{id}': { get: { summary: 'A', responses: { 200: { description: 'ok' } } } } },
      }).html,
    )
  }, 600_000)

  afterAll(async () => {
    await browser?.close()
    if (folder) await rm(folder, { recursive: true, force: true })
  })

  /** Opens a page and notes whatever it complains of and whatever it asks for beyond its own file. */
  async function open(
    name: string,
    options: { colorScheme?: 'light' | 'dark'; width?: number } = {},
  ) {
    const context = await browser.newContext({
      colorScheme: options.colorScheme ?? 'light',
      viewport: { width: options.width ?? 1100, height: 900 },
    })
    const page = await context.newPage()
    const complaints: string[] = []
    const requests: string[] = []
    page.on('console', (m) => {
      if (m.type() === 'error' || m.type() === 'warning') complaints.push(m.text())
    })
    page.on('pageerror', (e) => complaints.push(String(e)))
    page.on('request', (r) => {
      if (r.url() !== address(name) && !r.url().startsWith('data:')) requests.push(r.url())
    })
    await page.goto(address(name))
    return { page, complaints, requests, close: () => context.close() }
  }

  async function violations(page: Page): Promise<string[]> {
    const axe = await new AxeBuilder({ page }).exclude('.still svg').exclude('.live svg').analyze()
    return axe.violations.map((v) => `${v.id}: ${v.nodes[0]?.html.slice(0, 200)}`)
  }

  it('opens from a file without complaint, request or foreign element', async () => {
    const { page, complaints, requests, close } = await open('report.html')
    expect(await page.title()).toBe(`${EVIL} – llem report`)
    expect(await page.locator('h1 img, h1 b').count()).toBe(0)
    expect(await page.locator('.wide svg').count()).toBe(5)
    expect(complaints).toEqual([])
    expect(requests).toEqual([])
    await close()
  })

  it('makes a chart live when Explore is pressed, and still again', async () => {
    const { page, complaints, requests, close } = await open('report.html')
    for (const name of ['power', 'ttft', 'itl', 'ledger', 'latency']) {
      const button = page.locator(`button[data-chart="${name}"]`)
      await button.click()
      await page.locator(`#live-${name} svg.marks`).waitFor()
      expect(await button.getAttribute('aria-pressed')).toBe('true')
      expect(await page.locator(`#chart-${name} .still`).isVisible()).toBe(false)
    }
    const chart = page.locator('#live-power svg.marks')
    await chart.scrollIntoViewIfNeeded()
    const box = await chart.boundingBox()
    if (box === null) throw new Error('the live chart has no place on the page')
    const before = await chart.innerHTML()
    await page.mouse.move(box.x + 300, box.y + 100)
    await page.mouse.wheel(0, -400)
    await expect.poll(async () => (await chart.innerHTML()) === before).toBe(false)
    expect(await chart.textContent()).toContain('seconds from the start of the run')
    await page.locator('button[data-chart="power"]').click()
    expect(await page.locator('#chart-power .still').isVisible()).toBe(true)
    expect(complaints).toEqual([])
    expect(requests).toEqual([])
    await close()
  })

  for (const colorScheme of ['light', 'dark'] as const)
    it(`breaks no rule of accessibility in ${colorScheme}`, async () => {
      for (const name of ['report.html', 'docs.html']) {
        const { page, close } = await open(name, { colorScheme })
        await page.evaluate(() => {
          for (const d of document.querySelectorAll('details')) d.open = true
        })
        expect(await violations(page)).toEqual([])
        await close()
      }
    })

  it('draws its charts in the colours of the theme', async () => {
    const ground = async (colorScheme: 'light' | 'dark') => {
      const { page, close } = await open('report.html', { colorScheme })
      const colours = await page.evaluate(() =>
        ['body', '#chart-ledger .wide path[fill^="var(--c1"]'].map((selector) => {
          const element = document.querySelector(selector)
          if (element === null) throw new Error(`nothing fits ${selector}`)
          const style = getComputedStyle(element)
          return selector === 'body' ? style.backgroundColor : style.fill
        }),
      )
      await close()
      return colours
    }
    const [light, dark] = [await ground('light'), await ground('dark')]
    expect(light[0]).not.toBe(dark[0])
    expect(light[1]).not.toBe(dark[1])
  })

  it('fits a phone of 360 pixels without scrolling sideways', async () => {
    for (const name of ['report.html', 'docs.html']) {
      const { page, close } = await open(name, { width: 360 })
      const width = await page.evaluate(() => document.documentElement.scrollWidth)
      expect(width).toBe(360)
      await close()
    }
  })
})
