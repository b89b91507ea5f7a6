/** What the folders around a run's file say, and the file itself does not. */
export interface PathFacts {
  readonly task: string | null
  readonly modality: string | null
  readonly degrees: {
    readonly tensor_parallel: number | null
    readonly expert_parallel: number | null
    readonly data_parallel: number | null
  }
}

const RUN = /(?:^|\/)run\/(llm|mllm|diffusion)\/([^/]+)\//

/** Reads `.../run/{llm|mllm|diffusion}/{task}/.../{key+value+key+value}/results.json`. */
export function pathFacts(path: string): PathFacts {
  const [, modality = null, task = null] = RUN.exec(path) ?? []
  const parts = path.split('/').at(-2)?.split('+') ?? []
  const degree = (name: string) => {
    const at = parts.findIndex((p) => p === name || p === `${name}_size`)
    const value = Number(parts[at + 1])
    return at >= 0 && Number.isSafeInteger(value) && value > 0 ? value : null
  }
  return {
    task,
    modality,
    degrees: {
      tensor_parallel: degree('tensor_parallel'),
      expert_parallel: degree('expert_parallel'),
      data_parallel: degree('data_parallel'),
    },
  }
}
