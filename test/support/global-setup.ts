import { execFileSync } from 'node:child_process'
import { ROOT } from './root.ts'

/** Bundles the programs, so that tests run them as a user does. */
export default function setup(): void {
  execFileSync(process.execPath, ['scripts/build.mjs'], { cwd: ROOT, stdio: 'inherit' })
}
