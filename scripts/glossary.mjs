// Writes docs/glossary.md from the registries. Run by `npm run docs:glossary`, under tsx.
import { writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { glossaryMarkdown } from '../server/web/glossary.ts'

await writeFile(fileURLToPath(new URL('../docs/glossary.md', import.meta.url)), glossaryMarkdown())
