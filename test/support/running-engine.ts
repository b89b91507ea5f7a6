import type { RunningEngine } from '../../agent/engines/engine.ts'

/** An engine of this host that does nothing, for what only looks at its description. */
export const quietEngine = (more: Partial<RunningEngine> = {}): RunningEngine => ({
  base_url: 'http://127.0.0.1:1/v1',
  headers: {},
  info: {
    name: 'openai',
    version: null,
    model: 'm',
    model_info: {},
    batch_limit: null,
    capabilities: {
      fields: [],
      stripped_fields: [],
      max_tokens_field: 'max_tokens',
      streams: true,
      exact_length: true,
      token_prompts: false,
      tokenizer: false,
      trouble: null,
    },
  },
  pid: null,
  local: true,
  computes_on: null,
  died: new Promise(() => {}),
  stop: async () => {},
  ...more,
})
