import { join } from 'node:path'

/** Where the driver's library may be; the loader searches names without a folder in its own places. */
export function nvmlPaths(override: string | null): readonly string[] {
  if (override !== null) return [override]
  if (process.platform === 'win32')
    return [join(process.env['WINDIR'] ?? 'C:\\Windows', 'System32', 'nvml.dll')]
  return ['libnvidia-ml.so.1', 'libnvidia-ml.so', '/usr/lib/wsl/lib/libnvidia-ml.so.1']
}
