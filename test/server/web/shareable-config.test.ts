import { describe, expect, it } from 'vitest'
import { shareableConfig } from '../../../server/web/shareable-config.ts'

describe('a configuration shown to others', () => {
  it('hides what its name calls a secret, and keeps the rest', () => {
    const config = {
      engine: {
        env: { HF_TOKEN: 'hf_abc', CUDA_VISIBLE_DEVICES: '0' },
        api_key_env: 'OPENAI_API_KEY',
        options: { api_key: 'sk-1', temperature: 0 },
      },
      model: { tokenizer: 'org/tok' },
      data: { input_tokens: 512 },
    }
    expect(shareableConfig(config)).toEqual({
      engine: {
        env: { HF_TOKEN: '(hidden)', CUDA_VISIBLE_DEVICES: '0' },
        api_key_env: 'OPENAI_API_KEY',
        options: { api_key: '(hidden)', temperature: 0 },
      },
      model: { tokenizer: 'org/tok' },
      data: { input_tokens: 512 },
    })
  })

  it('hides the password within an address', () => {
    expect(shareableConfig('https://me:pw@host/v1')).toBe('https://(hidden)@host/v1')
    expect(shareableConfig('http://127.0.0.1:8000/v1')).toBe('http://127.0.0.1:8000/v1')
  })
})
