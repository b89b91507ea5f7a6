import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Packages `zeus`, `codecarbon` and `pynvml` of the documented API alone, in a folder for PYTHONPATH. NVML's order of the
 * GPUs is FAKE_UUIDS, else GPU-B, GPU-A; GPU i draws (i + 1) x 100 W. FAKE_BESIDE: `crash`, `hang` (at the end), `zero`, `silent`.
 */
export function writeFakeTools(dir: string): string {
  const put = (path: string, text: string) => {
    mkdirSync(join(dir, path, '..'), { recursive: true })
    writeFileSync(join(dir, path), text)
  }
  const dist = (name: string, version: string) =>
    put(
      `${name}-${version}.dist-info/METADATA`,
      `Metadata-Version: 2.1\nName: ${name}\nVersion: ${version}\n`,
    )
  dist('zeus', '0.16.0')
  dist('codecarbon', '3.3.2')
  put(
    'pynvml.py',
    `import os
class NVMLError(Exception): pass
UUIDS = os.environ.get("FAKE_UUIDS", "GPU-B,GPU-A").split(",")
def nvmlInit(): pass
def nvmlDeviceGetCount(): return len(UUIDS)
def nvmlDeviceGetHandleByIndex(i): return i
def nvmlDeviceGetUUID(h): return UUIDS[h]
`,
  )
  put('zeus/__init__.py', 'print("zeus says hello on stdout")\n')
  put(
    'zeus/monitor.py',
    `import os, time, warnings
class Measurement:
    def __init__(self, time, gpu_energy, cpu_energy=None, dram_energy=None):
        self.time, self.gpu_energy, self.cpu_energy, self.dram_energy = time, gpu_energy, cpu_energy, dram_energy
class ZeusMonitor:
    def __init__(self, gpu_indices=None, cpu_indices=None, approx_instant_energy=False, log_file=None, sync_execution_with="torch"):
        if os.environ.get("CUDA_VISIBLE_DEVICES") is not None: raise RuntimeError("GPUs are hidden")
        if os.environ.get("FAKE_BESIDE") == "silent": time.sleep(60)
        self.gpus = [0, 1] if gpu_indices is None else gpu_indices
        self.open = {}
    def begin_window(self, key, sync_execution=True, restart=False):
        if sync_execution: raise RuntimeError("there is no torch to wait with")
        self.open[key] = time.monotonic()
    def end_window(self, key, sync_execution=True, cancel=False):
        mode = os.environ.get("FAKE_BESIDE")
        if mode == "crash": os._exit(3)
        if mode == "hang": time.sleep(60)
        if key not in self.open: raise ValueError(f"Measurement window '{key}' does not exist")
        seconds = time.monotonic() - self.open.pop(key)
        if mode == "zero": warnings.warn("The energy consumption of one or more GPUs was measured as zero.")
        watts = 0 if mode == "zero" else 100
        return Measurement(seconds, {i: watts * (i + 1) * seconds for i in self.gpus}, {0: 50 * seconds})
`,
  )
  put(
    'codecarbon/__init__.py',
    `import time
class Data: pass
class OfflineEmissionsTracker:
    def __init__(self, country_iso_code=None, gpu_ids=None, save_to_file=True, allow_multiple_runs=False, log_level="info"):
        assert country_iso_code and save_to_file is False and allow_multiple_runs and log_level == "error"
        self.gpus = [0, 1] if gpu_ids is None else gpu_ids
    def start(self): self.began = time.monotonic()
    def stop(self):
        d = Data()
        d.duration = time.monotonic() - self.began
        d.gpu_energy = sum(100 * (i + 1) for i in self.gpus) * d.duration * 1.5 / 3.6e6
        d.cpu_energy, d.ram_energy, d.pue = 5 / 3.6e6, 20 / 3.6e6, 1.5
        self.final_emissions_data = d
        self._hardware = [GPU(), CPU()]
        return 0.0
class GPU: pass
class CPU: _mode = "cpu_load"
`,
  )
  return dir
}
