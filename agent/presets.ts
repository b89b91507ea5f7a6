export interface Preset {
  readonly about: string
  /** A study as a person would write it; parsed like any file. */
  readonly study: Readonly<Record<string, unknown>>
}

/** Ready-made studies, by the name that `llem-agent run NAME` takes. A new one is a row here. */
export const PRESETS: Readonly<Record<string, Preset>> = {
  'quick-test': {
    about:
      'a small real model on this machine at concurrency 1 and 4, in under two minutes once it is fetched',
    study: {
      name: 'quick-test',
      model: 'smollm2-135m',
      engine: 'embedded',
      load: { concurrency: 1, duration_s: 25 },
      data: { input_tokens: 32, output_tokens: 24 },
      phases: { baseline_s: 5, idle_s: 5, warmup: 'auto', drain_s: 10, cooldown_s: 1 },
      sweep: { 'load.concurrency': [1, 4] },
    },
  },
  benchmark: {
    about:
      'five repetitions at concurrency 1, 4 and 8 with full baselines: for figures that you publish',
    study: {
      name: 'benchmark',
      model: 'smollm2-135m',
      engine: 'embedded',
      load: { concurrency: 1, duration_s: 120 },
      data: { input_tokens: 256, output_tokens: 128 },
      phases: { baseline_s: 30, idle_s: 30 },
      repeat: { cycles: 5, order: 'random', pause_s: 30 },
      sweep: { 'load.concurrency': [1, 4, 8] },
    },
  },
  throughput: {
    about: 'concurrency 1 to 32 in doublings: where energy per token stops falling',
    study: {
      name: 'throughput',
      model: 'smollm2-135m',
      engine: 'embedded',
      load: { concurrency: 1, duration_s: 60 },
      data: { input_tokens: 128, output_tokens: 64 },
      phases: { baseline_s: 30, idle_s: 30 },
      sweep: { 'load.concurrency': [1, 2, 4, 8, 16, 32] },
    },
  },
}
