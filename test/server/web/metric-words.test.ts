import { expect, it } from 'vitest'
import { componentWords, sourceWords } from '../../../server/web/metric-words.ts'

it('names each of several sources, and what is open between them', () => {
  expect(sourceWords('nvml_power_ring+nvml_power_instant')).toBe(
    'NVML power ring and NVML instant power',
  )
  expect(sourceWords('rapl')).toBe('RAPL counters')
  expect(sourceWords('a meter of theirs')).toBe('a meter of theirs')
  expect(sourceWords(null)).toBe('')
  expect(componentWords('u_bridge_j')).toBe('power between two sources of the window')
})
