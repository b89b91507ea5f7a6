import { expect, it } from 'vitest'
import { sendRun, served } from './served.ts'

it('a list that computes many summaries first lets others be served between two of them', async () => {
  const server = await served()
  for (let i = 0; i < 40; i++) await sendRun(server.api, `run-${i}`)
  const order: string[] = []
  const list = fetch(`${server.api}/runs?sort=energy_gpu_j&limit=1`).then(async (response) => {
    await response.text()
    order.push('list')
    return response.status
  })
  for (let i = 0; i < 3; i++) {
    await (await fetch(`${server.url}/healthz`)).text()
    order.push('health')
  }
  expect(await list).toBe(200)
  expect(order).toEqual(['health', 'health', 'health', 'list'])
  await server.close()
})
