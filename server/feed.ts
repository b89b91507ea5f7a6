/** What happened to a run, as server-sent events tell it. */
export type RunEvent =
  | { readonly event: 'update'; readonly data: { readonly run_id: string } }
  | {
      readonly event: 'chunk'
      readonly data: {
        readonly process_id: string
        readonly stream: string
        readonly seq: number
        readonly rows: number
        readonly bytes: number
      }
    }
  | {
      readonly event: 'sealed'
      readonly data: { readonly outcome: string; readonly reason: string | null }
    }

export interface Feed {
  publish(run_id: string, event: RunEvent): void
  /** @returns a function that ends the subscription */
  subscribe(run_id: string, listener: (event: RunEvent) => void): () => void
}

/** Tells those who watch a run what its ingest does. Within one process: a watcher asks the server that takes the run. */
export function createFeed(): Feed {
  const listeners = new Map<string, Set<(event: RunEvent) => void>>()
  return {
    publish(run_id, event) {
      for (const listener of listeners.get(run_id) ?? []) listener(event)
    },
    subscribe(run_id, listener) {
      const set = listeners.get(run_id) ?? new Set()
      listeners.set(run_id, set.add(listener))
      return () => {
        set.delete(listener)
        if (set.size === 0 && listeners.get(run_id) === set) listeners.delete(run_id)
      }
    },
  }
}
