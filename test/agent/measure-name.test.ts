import { describe, expect, it } from 'vitest'
import { nameOfCommand } from '../../agent/measure-name.ts'

describe('the name of a measured program', () => {
  it.each([
    ['llama-bench', ['./build/bin/llama-bench', '-m', 'model.gguf']],
    ['make model', ['make', 'model']],
    ['python train.py', ['python', 'train.py', '--epochs', '3']],
    ['python3.11 train.py', ['/usr/bin/python3.11', '-u', '-W', 'ignore', 'jobs/train.py']],
    ['python3 -m vllm.entrypoints.api_server', ['python3', '-m', 'vllm.entrypoints.api_server']],
    ['python3 -c import time; time.sleep(1)', ['python3', '-c', 'import time; time.sleep(1)']],
    ['python3 -uc print(1)', ['python3', '-uc', 'print(1)']],
    ['sh -c make model && ./model', ['sh', '-c', 'make model &&\n  ./model']],
    ['bash -lc echo', ['bash', '-lc', 'echo']],
    ['bash -c', ['bash', '-c']],
    ['bash job.sh', ['bash', '-m', 'job.sh']],
    ['node serve.mjs', ['node', '--require', 'x', '--max-old-space-size=99', 'dist/serve.mjs']],
    ['node -e 1', ['node', '-e', '1']],
    ['python3', ['python3', '-i']],
    ['perl -ne print', ['perl', '-ne', 'print']],
    ['marked windows', []],
  ])('is %j', (name, command) => {
    expect(nameOfCommand(command)).toBe(name)
  })

  it('cuts code between words, and a word that is too long', () => {
    expect(
      nameOfCommand(['python3', '-c', 'import torch; model = torch.nn.Linear(4096, 4096).cuda()']),
    ).toBe('python3 -c import torch; model =…')
    expect(nameOfCommand(['sh', '-c', 'x'.repeat(99)])).toBe(`sh -c ${'x'.repeat(40)}…`)
    expect(nameOfCommand(['make', 'y'.repeat(999)])).toHaveLength(200)
  })
})
