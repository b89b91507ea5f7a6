import {
  type ChatHistoryItem,
  getLlama,
  getModuleVersion,
  type Llama,
  type LlamaContextSequence,
  type LlamaModel,
  resolveChatWrapper,
  type Token,
} from 'node-llama-cpp'
import type { WorkerConfig } from './embedded-protocol.ts'
import { EngineError } from './engine.ts'

export interface LoadedModel {
  readonly llama: Llama
  readonly model: LlamaModel
  readonly sequences: readonly LlamaContextSequence[]
  /** That a sequence really has; llama.cpp rounds up. */
  readonly context_tokens: number
  readonly version: string
  readonly vocabulary: number
  /** Tokens of a text as a prompt, with begin-of-sequence where the model wants it. */
  promptTokens(text: string): Token[]
  /** Tokens of a conversation through the model's own template. */
  chatTokens(messages: readonly ChatMessage[]): Token[]
}

export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant'
  readonly content: string
}

/**
 * Loads the model with one sequence a request and so many threads as told: llama.cpp's own default is all cores,
 * where token times jump by orders of magnitude.
 * @throws EngineError for a device that is not there, a file that llama.cpp refuses, too little memory
 */
export async function loadModel(config: WorkerConfig): Promise<LoadedModel> {
  const llama = await openLlama(config)
  const model = await attempt(`llama.cpp can't load ${config.model_path}`, () =>
    llama.loadModel({ modelPath: config.model_path }),
  )
  const context = await attempt(
    `llama.cpp can't make ${config.sequences} sequences of ${config.context_tokens} tokens`,
    () =>
      model.createContext({
        sequences: config.sequences,
        contextSize: config.context_tokens,
        threads: config.threads,
        failedCreationRemedy: false,
      }),
  )
  const wrapper = resolveChatWrapper(model)
  const withBegin = (tokens: Token[]): Token[] => {
    const { bos, shouldPrependBosToken } = model.tokens
    return shouldPrependBosToken && bos !== null && tokens[0] !== bos ? [bos, ...tokens] : tokens
  }
  return {
    llama,
    model,
    sequences: Array.from({ length: config.sequences }, () => context.getSequence()),
    context_tokens: context.contextSize,
    version: await getModuleVersion(),
    vocabulary: [...model.iterateAllTokens()].length,
    promptTokens: (text) => withBegin(model.tokenize(text)),
    chatTokens: (messages) => {
      const last: ChatHistoryItem = { type: 'model', response: [''] }
      const chatHistory = [...messages.map(historyItem), last]
      const { contextText } = wrapper.generateContextState({ chatHistory })
      return withBegin(contextText.tokenize(model.tokenizer))
    },
  }
}

function historyItem({ role, content }: ChatMessage): ChatHistoryItem {
  return role === 'assistant'
    ? { type: 'model', response: [content] }
    : { type: role, text: content }
}

async function openLlama(config: WorkerConfig): Promise<Llama> {
  const gpu = config.gpu === 'none' ? false : config.gpu
  const missing = () =>
    new EngineError(
      'config',
      `engine.gpu is ${config.gpu}, yet llama.cpp finds no such device or build here; write gpu: auto or none${
        config.gpu === 'cuda' || config.gpu === 'vulkan'
          ? `, or add the build by: npm run engine:${config.gpu}`
          : ''
      }`,
    )
  let llama: Llama
  try {
    // Nothing is compiled or fetched: a measurement must not begin with a build.
    llama = await getLlama({
      gpu,
      build: 'never',
      skipDownload: true,
      progressLogs: false,
      maxThreads: config.threads,
    })
  } catch (error) {
    if ((error as Error).constructor.name === 'NoBinaryFoundError') throw missing()
    throw error
  }
  // Asked for Metal, it takes the CPU without a word.
  if (gpu !== 'auto' && llama.gpu !== gpu) throw missing()
  return llama
}

async function attempt<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw new EngineError('failed', `${what}: ${(error as Error).message}`)
  }
}
