import { basename } from 'node:path'

interface Interpreter {
  readonly program: RegExp
  /** Options before code that stands in the command line itself; short ones may end a group, `-uc`. */
  readonly code: RegExp
  /** Options whose value is the next word, and no script. */
  readonly valued: RegExp
  /** Option before a module, which stands in the place of a script. */
  readonly module?: string
}

const INTERPRETERS: readonly Interpreter[] = [
  { program: /^(python|pypy)[\d.]*$/, code: /^-[a-zA-Z]*c$/, valued: /^-[WX]$/, module: '-m' },
  { program: /^(ba|da|fi|k|z)?sh$/, code: /^-[a-z]*c$/, valued: /^[-+][oO]$/ },
  {
    program: /^(node|nodejs|bun)$/,
    code: /^(-e|-p|-pe|--eval|--print)$/,
    valued: /^(-r|-C|--require|--import|--loader|--conditions)$/,
  },
  { program: /^(perl|ruby)[\d.]*$/, code: /^-[a-zA-Z]*[eE]$/, valued: /^-[Ir]$/ },
]

const MOST_CODE = 40
const MOST = 200

/**
 * What people know a measured program by, unless they name it: `llama-bench`, `make model`, `python3 train.py`,
 * `python3 -m vllm.entrypoints.api_server`, `python3 -c import torch; ...`.
 * @param command the program and its arguments; empty: windows alone are measured
 */
export function nameOfCommand([program, ...args]: readonly string[]): string {
  if (program === undefined) return 'marked windows'
  const name = basename(program)
  const interpreter = INTERPRETERS.find((i) => i.program.test(name))
  const more = interpreter === undefined ? [plainWord(args[0])] : scriptOf(interpreter, args)
  return [name, ...more.filter((w) => w !== '')].join(' ').slice(0, MOST)
}

const plainWord = (word: string | undefined): string =>
  word === undefined || word.startsWith('-') ? '' : basename(word)

function scriptOf({ code, valued, module }: Interpreter, args: readonly string[]): string[] {
  for (let i = 0; i < args.length; i++) {
    const word = args[i] as string
    if (code.test(word)) return [word, firstWords(args[i + 1] ?? '')]
    if (word === module) return [word, args[i + 1] ?? '']
    if (valued.test(word)) i++
    else if (!/^[-+]/.test(word)) return [basename(word)]
  }
  return []
}

/** Code on one line, cut between words. */
function firstWords(code: string): string {
  const line = code.trim().replace(/\s+/g, ' ')
  if (line.length <= MOST_CODE) return line
  const cut = line.slice(0, MOST_CODE + 1)
  const space = cut.lastIndexOf(' ')
  return `${cut.slice(0, space > 0 ? space : MOST_CODE)}…`
}
