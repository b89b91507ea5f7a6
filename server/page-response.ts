import type { Page } from './web/page.ts'
import { headerPolicy } from './web/page-policy.ts'

/** A page as a response, its policy as a header. */
export const pageResponse = (
  page: Page,
  status = 200,
  headers: Readonly<Record<string, string>> = {},
): Response =>
  new Response(page.html, {
    status,
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': headerPolicy(page.policy),
      ...headers,
    },
  })
