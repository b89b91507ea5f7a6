import { execFileSync } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const SOURCE = fileURLToPath(new URL('./fake_cuda.c', import.meta.url))

/**
 * Compiles the fake CUDA driver into a new folder within `dir` and returns the library's path, for LLEM_CUDA_PATH.
 * With FAKE_NVML_BUSY_FILE its work shows in the power of the fake NVML of every process.
 */
export function buildFakeCuda(dir: string): string {
  const path = join(mkdtempSync(join(dir, 'cuda-')), 'libcuda.so.1')
  execFileSync('cc', ['-O2', '-Wall', '-shared', '-fPIC', SOURCE, '-o', path])
  return path
}
