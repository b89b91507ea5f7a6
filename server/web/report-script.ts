/**
 * The report's own script, plain because it must run before anything is unpacked: shows the Explore buttons and,
 * when one is pressed, unpacks the chart code once and puts the live chart in the place of the still one.
 */
export const REPORT_SCRIPT = `
(() => {
  const packed = document.getElementById('explore-bundle')
  const buttons = document.querySelectorAll('button[data-chart]')
  if (!packed || !('DecompressionStream' in window)) return
  const charts = JSON.parse(document.getElementById('chart-specs').textContent)
  let ready
  const unpack = async () => {
    const bytes = Uint8Array.from(atob(packed.textContent.trim()), (c) => c.charCodeAt(0))
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'))
    const script = document.createElement('script')
    script.textContent = await new Response(stream).text()
    document.head.append(script)
  }
  for (const button of buttons) {
    const figure = button.closest('figure')
    const still = figure.querySelector('.still')
    const live = figure.querySelector('.live')
    button.hidden = false
    button.addEventListener('click', async () => {
      const on = button.getAttribute('aria-pressed') !== 'true'
      button.setAttribute('aria-pressed', String(on))
      still.hidden = on
      live.hidden = !on
      if (!on || live.dataset.drawn) return
      live.dataset.drawn = 'yes'
      try {
        await (ready ??= unpack())
        const chart = charts[button.dataset.chart]
        const spec = matchMedia('(max-width: 640px)').matches ? chart.narrow : chart.wide
        await window.llemExplore('#' + live.id, { ...spec, datasets: chart.datasets })
      } catch (error) {
        live.textContent = 'The live chart could not be drawn (' + error.message + '). The still one stays.'
        still.hidden = false
      }
    })
  }
})()
`
