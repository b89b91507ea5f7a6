import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { glossaryMarkdown } from '../../server/web/glossary.ts'
import { ROOT } from '../support/root.ts'

describe('docs/glossary.md', () => {
  it('is what the registries say now; `npm run docs:glossary` writes it', async () => {
    expect(await readFile(join(ROOT, 'docs/glossary.md'), 'utf8')).toBe(glossaryMarkdown())
  })
})

describe('docs/metrics.md', () => {
  it('has every section that a docstring names', async () => {
    const page = await readFile(join(ROOT, 'docs/metrics.md'), 'utf8')
    const headings = new Set([...page.matchAll(/^#{1,3} (.+)$/gm)].map((m) => m[1]))
    const missing: string[] = []
    for (const room of ['analysis', 'agent', 'server']) {
      const files = await readdir(join(ROOT, room), { recursive: true })
      for (const file of files.filter((f) => f.endsWith('.ts'))) {
        const text = await readFile(join(ROOT, room, file), 'utf8')
        for (const [, names = ''] of text.matchAll(
          /docs\/metrics\.md, ("[^"]+"(?: and "[^"]+")*)/g,
        ))
          for (const [, name] of names.matchAll(/"([^"]+)"/g))
            if (name !== undefined && !headings.has(name)) missing.push(`${file}: "${name}"`)
      }
    }
    expect(missing).toEqual([])
  })
})
