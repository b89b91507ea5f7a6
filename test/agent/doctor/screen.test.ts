import { describe, expect, test } from 'vitest'
import { metricName } from '../../../agent/doctor/screen.ts'
import { METRICS } from '../../../analysis/schema/metric.ts'

describe('the first column', () => {
  test('holds the name of each metric uncut, 21 letters at most', () => {
    const names = Object.keys(METRICS).map(metricName)
    expect(names.filter((name) => name.length > 21)).toEqual([])
  })
  test('names unlike quantities unlike', () => {
    const named = new Map<string, string>()
    for (const metric of Object.keys(METRICS)) {
      // The same quantity in other units has the same name.
      const quantity = metric.replace(/_[a-z]+$/, '')
      expect(named.get(metricName(metric)) ?? quantity).toBe(quantity)
      named.set(metricName(metric), quantity)
    }
  })
})
