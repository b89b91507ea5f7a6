/// <reference lib="dom" />
import { AxeBuilder } from '@axe-core/playwright'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Ratings } from '../../../analysis/schema/quality.ts'
import { launchChromium } from '../../support/chromium.ts'
import { sendAnswers } from '../answers-run.ts'
import { type Served, served } from '../served.ts'

const EVIL = '<img src=x onerror="document.title=1"></script><b>bold'
/** The first request begins before the counted window and has no joules. */
const PROMPTS = [undefined, undefined, `Say ${EVIL}`]

describe('the voting page in a browser', () => {
  let browser: Browser
  let server: Served

  beforeAll(async () => {
    browser = await launchChromium()
    server = await served()
    await sendAnswers(server.api, 'run-big', {
      ...{ model: 'big-70b', watts: 400, prompts: PROMPTS, says: `A long reply ${EVIL}` },
    })
    await sendAnswers(server.api, 'run-small', {
      ...{ model: 'small-1b', watts: 200, prompts: PROMPTS, says: 'Short' },
    })
  }, 600_000)

  afterAll(async () => {
    await browser?.close()
    await server?.close()
  })

  async function open(
    options: { colorScheme?: 'light' | 'dark'; width?: number; query?: string; url?: string } = {},
  ) {
    const context = await browser.newContext({
      colorScheme: options.colorScheme ?? 'light',
      viewport: { width: options.width ?? 1100, height: 900 },
    })
    const page = await context.newPage()
    const complaints: string[] = []
    const foreign: string[] = []
    const url = options.url ?? server.url
    page.on('console', (m) => {
      if (m.type() === 'error' || m.type() === 'warning') complaints.push(m.text())
    })
    page.on('pageerror', (e) => complaints.push(String(e)))
    page.on('request', (r) => {
      if (!r.url().startsWith(url) && !r.url().startsWith('data:')) foreign.push(r.url())
    })
    await page.goto(`${url}/vote${options.query ?? '?zone=DE'}`)
    return { page, complaints, foreign, close: () => context.close() }
  }
  const ready = (page: Page) => page.locator('#ballot').waitFor()
  const revealed = (page: Page) => page.locator('#reveal').waitFor()
  /** The key that votes for the larger model. */
  const keyOfBig = async (page: Page) =>
    (await page.locator('#left').textContent())?.startsWith('A long') ? '1' : '2'
  const violations = async (page: Page) =>
    (await new AxeBuilder({ page }).analyze()).violations.map(
      (v) => `${v.id}: ${v.nodes[0]?.html.slice(0, 200)}`,
    )
  const ratings = async () => (await (await fetch(`${server.api}/ratings`)).json()) as Ratings

  it('is blind until the vote, which the keyboard casts, and tells all after it', async () => {
    const { page, complaints, foreign, close } = await open()
    await ready(page)
    const before = await page.content()
    for (const secret of ['big-70b', 'small-1b', 'run-big', 'run-small'])
      expect(before).not.toContain(secret)
    expect(await page.locator('#left img, #right img, #prompt img').count()).toBe(0)
    await page.keyboard.press(await keyOfBig(page))
    await revealed(page)
    const told = (await page.locator('#reveal').textContent()) ?? ''
    for (const word of ['big-70b', 'small-1b', 'J', 's', 'g', 'more energy. Was it worth it?'])
      expect(told).toContain(word)
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('reveal-title')
    await page.getByRole('button', { name: 'Not worth it' }).click()
    await page.locator('#worth').waitFor({ state: 'hidden' })
    expect((await ratings()).entrants.find((e) => e.entrant === 'big-70b')).toMatchObject({
      wins: 1,
      not_worth_it: 1,
    })
    await page.keyboard.press('n')
    await page.locator('#votes').waitFor()
    expect(await page.locator('#reveal').isVisible()).toBe(false)
    expect(await page.title()).toBe('Which answer is better? – llem')
    expect([complaints, foreign]).toEqual([[], []])
    await close()
  })

  it('casts by buttons, ties too, and no key votes once the keys are off', async () => {
    const { page, close } = await open()
    await ready(page)
    await page.getByLabel(/Keys 1 to 4/).uncheck()
    const before = (await ratings()).votes
    await page.keyboard.press('1')
    await page.getByRole('button', { name: 'Equally good' }).click()
    await revealed(page)
    expect(await page.locator('#extra').textContent()).toBe('You chose neither.')
    expect((await ratings()).votes).toBe(before + 1)
    await close()
  })

  it('says what is wrong in the words of the server', async () => {
    const { page, close } = await open({ query: '?a=run-big&b=none' })
    await expect.poll(() => page.locator('#status').textContent()).toContain('no run "none"')
    await close()
  })

  it('asks for the token of a server that wants one', async () => {
    const locked = await served({ token: 'secret' })
    try {
      const { page, close } = await open({ url: locked.url, query: '' })
      await page.getByLabel('Token of this server').fill('secret')
      expect(await violations(page)).toEqual([])
      await page.getByRole('button', { name: 'Go on' }).click()
      await expect.poll(() => page.locator('#status').textContent()).toContain('no two models')
      await close()
    } finally {
      await locked.close()
    }
  })

  for (const colorScheme of ['light', 'dark'] as const)
    it(`breaks no rule of accessibility in ${colorScheme}, before the vote and after`, async () => {
      const { page, close } = await open({ colorScheme })
      await ready(page)
      expect(await violations(page)).toEqual([])
      await page.keyboard.press(await keyOfBig(page))
      await revealed(page)
      expect(await violations(page)).toEqual([])
      await close()
    })

  it('fits a phone of 360 pixels without scrolling sideways, before the vote and after', async () => {
    const { page, close } = await open({ width: 360 })
    const width = () => page.evaluate(() => document.documentElement.scrollWidth)
    await ready(page)
    expect(await width()).toBe(360)
    await page.keyboard.press(await keyOfBig(page))
    await revealed(page)
    expect(await width()).toBe(360)
    await close()
  })
})
