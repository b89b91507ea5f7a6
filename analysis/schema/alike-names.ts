import { ownValue } from './own.ts'

/** A family of accelerators with its number, as boards write it: H100, GH200, MI300X, L40S, "RTX 4090". */
const FAMILY = /\b(GH|GB|MI|RTX|GTX|[ABHLTV])[ -]?(\d{1,4}[A-Z]{0,2})\b/i
/** Forms that share a name and not their rated power. */
const FORM = /\b(PCIe|NVL)\b/i

/**
 * The short name by which GPUs are called alike: what a driver says (`NVIDIA H100 80GB HBM3`) and what a board says
 * (`H100`) give the same. Cards of another power limit keep their form (`H100 PCIe`). A part of a card (MIG) and
 * what has no such name stay as they are; null stays null.
 */
export function shortGpuName(gpu_model: string | null): string | null {
  if (gpu_model === null) return null
  const [, family, number] = FAMILY.exec(gpu_model) ?? []
  const part = /\bMIG\b/i.test(gpu_model)
  if (part || family === undefined || number === undefined) return gpu_model.trim()
  const letters = family.toUpperCase()
  const name = `${letters}${letters.endsWith('TX') ? ' ' : ''}${number.toUpperCase()}`
  const form = FORM.exec(gpu_model)?.[1]
  return form === undefined ? name : `${name} ${form.toLowerCase() === 'pcie' ? 'PCIe' : 'NVL'}`
}

const PRECISIONS: Readonly<Record<string, string>> = {
  bf16: 'bfloat16',
  fp16: 'float16',
  f16: 'float16',
  half: 'float16',
  fp32: 'float32',
  f32: 'float32',
  float: 'float32',
}

/** The name of a precision under which boards list it: bf16 is bfloat16. Unknown ones stay, in lower case. */
export function precisionName(precision: string | null): string | null {
  if (precision === null) return null
  const plain = precision
    .trim()
    .toLowerCase()
    .replace(/^torch\./, '')
  return ownValue(PRECISIONS, plain) ?? plain
}
