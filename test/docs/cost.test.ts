import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { COST_CODES, LINE_IDS, TOTALS } from '../../analysis/schema/cost.ts'
import { readScenario, readScenarioFile } from '../../server/scenario-file.ts'
import { ROOT } from '../support/root.ts'

const page = await readFile(join(ROOT, 'docs/cost.md'), 'utf8')

describe('docs/cost.md', () => {
  it('has every section that a docstring names', async () => {
    const headings = new Set([...page.matchAll(/^## (.+)$/gm)].map((m) => m[1]))
    const files = (await readdir(join(ROOT, 'analysis'), { recursive: true })).filter((f) =>
      f.endsWith('.ts'),
    )
    const named = new Set<string>()
    for (const file of files)
      for (const [, name = ''] of (await readFile(join(ROOT, 'analysis', file), 'utf8')).matchAll(
        /docs\/cost\.md, "([^"]+)"/g,
      ))
        named.add(name)
    expect(named.size).toBeGreaterThan(5)
    expect([...named].filter((n) => !headings.has(n))).toEqual([])
  })

  it('tells every code, line and total', () => {
    for (const [code, words] of Object.entries(COST_CODES))
      expect(page).toContain(`| \`${code}\` | ${words} |`)
    for (const id of [...LINE_IDS, ...Object.keys(TOTALS)]) expect(page).toContain(`\`${id}\``)
  })

  it('shows a scenario that can be read', () => {
    const [, yaml = ''] = /```yaml\n([\s\S]*?)```/.exec(page) ?? []
    expect(readScenario(parse(yaml), 'docs/cost.md')).toMatchObject({ id: 'my-rack' })
  })
})

describe('examples/scenarios', () => {
  it('can all be read', async () => {
    const files = (await readdir(join(ROOT, 'examples/scenarios'))).filter((f) =>
      f.endsWith('.yaml'),
    )
    expect(files.length).toBeGreaterThan(2)
    for (const file of files) {
      const { scenario, notes } = readScenarioFile(join(ROOT, 'examples/scenarios', file))
      expect(scenario.id).toBe(file.replace('.yaml', ''))
      expect(notes).toEqual([])
    }
  })
})
