import { expect, it } from 'vitest'
import { meaningOf } from '../../../analysis/estimators/energy-metric.ts'
import { precisionName } from '../../../analysis/schema/alike-names.ts'
import { ownValue } from '../../../analysis/schema/own.ts'

it.each(['__proto__', 'constructor', 'toString'])('%s is no row of a table', (word) => {
  expect(ownValue({ a: 1 }, word)).toBeUndefined()
  expect(meaningOf(word)).toBeUndefined()
  expect(precisionName(word)).toBe(word.toLowerCase())
})

it('a row is', () => {
  expect(ownValue({ a: 1 }, 'a')).toBe(1)
  expect(meaningOf('gpu_energy_mj')?.method).toBe('counter')
})
