/// <reference lib="dom" />
import type { Browser, Page } from 'playwright-core'

export interface Watched {
  readonly page: Page
  /** Errors and warnings of the console, uncaught errors, and what the policy of the page refused. */
  readonly complaints: string[]
  /** Requests to elsewhere than `origin`. */
  readonly foreign: string[]
  close(): Promise<void>
}

/** Opens an address in a context of its own, and notes whatever the browser has to complain of. */
export async function watchedPage(
  browser: Browser,
  url: string,
  options: { colorScheme?: 'light' | 'dark'; width?: number } = {},
): Promise<Watched> {
  const context = await browser.newContext({
    colorScheme: options.colorScheme ?? 'light',
    viewport: { width: options.width ?? 1100, height: 900 },
  })
  const page = await context.newPage()
  const complaints: string[] = []
  const foreign: string[] = []
  page.on('console', (m) => {
    if (m.type() === 'error' || m.type() === 'warning') complaints.push(m.text())
  })
  page.on('pageerror', (e) => complaints.push(String(e)))
  const { origin } = new URL(url)
  page.on('request', (r) => {
    const own = origin === 'null' ? r.url() === url : new URL(r.url()).origin === origin
    if (!own && !/^(data|blob):/.test(r.url())) foreign.push(r.url())
  })
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (e) => {
      console.error(`refused by ${e.effectiveDirective}: ${e.blockedURI} ${e.sample}`)
    })
  })
  await page.goto(url)
  return { page, complaints, foreign, close: () => context.close() }
}
