// A chart of one metric. Live it is a line; by minute, hour or day the line is the mean, in a band from the smallest to the
// largest value. What it shows is said in words too, and the numbers are in a table beside it.

import uPlot from 'uplot'
import { h } from './dom.js'

let HEIGHT = 150

function colours() {
  let style = getComputedStyle(document.documentElement)
  let read = name => style.getPropertyValue(name).trim()
  return { line: read('--accent'), band: read('--band'), ink: read('--soft'), grid: read('--line') }
}

/** `words(value)` says a value in words. `show(rows)` draws `[seconds, value, min?, max?]`, at once: call it once a frame. */
export function createChart(parent, { label, words }) {
  let node = h('div', { class: 'chart', role: 'img', 'aria-label': label })
  parent.append(node)
  let rows = []
  let plot = null
  let isBanded = false

  function build() {
    plot?.destroy()
    let { line, band, ink, grid } = colours()
    let axis = { stroke: ink, grid: { stroke: grid, width: 1 }, ticks: { show: false }, font: '12px system-ui' }
    let edge = { stroke: 'transparent', width: 0, points: { show: false } }
    plot = new uPlot(
      {
        width: node.clientWidth || 300,
        height: HEIGHT,
        legend: { show: false },
        cursor: { show: false },
        scales: {
          x: { range: (_, min, max) => (max > min ? [min, max] : [min - 60, min + 60]) },
          y: { range: (_, min, max) => [Math.min(0, min), max > min ? max * 1.1 : min + 1] }
        },
        axes: [axis, { ...axis, size: 72, values: (_, all) => all.map(words) }],
        series: [
          {},
          { stroke: line, width: 2, points: { show: (_plot, i) => i === 1 && rows.length < 3 } },
          ...(isBanded ? [edge, edge] : [])
        ],
        bands: isBanded ? [{ series: [3, 2], fill: band }] : []
      },
      columns(),
      node
    )
  }

  function columns() {
    let count = isBanded ? 4 : 2
    return Array.from({ length: count }, (_, i) => rows.map(row => row[i]))
  }

  function draw() {
    if (!node.isConnected) return
    let shouldBand = (rows[0]?.length ?? 0) > 2
    if (!plot || shouldBand !== isBanded) {
      isBanded = shouldBand
      build()
    } else plot.setData(columns())
    let last = rows.at(-1)
    let values = rows.map(row => row[1])
    let summary = last
      ? `now ${words(last[1])}, between ${words(Math.min(...values))} and ${words(Math.max(...values))}`
      : 'nothing yet'
    node.setAttribute('aria-label', `${label}: ${summary}`)
  }

  let theme = matchMedia('(prefers-color-scheme: dark)')
  let onTheme = () => plot && build()
  theme.addEventListener('change', onTheme)
  // Told for the first time when it is on the page.
  let sizes = new ResizeObserver(() => (plot ? plot.setSize({ width: node.clientWidth, height: HEIGHT }) : draw()))
  sizes.observe(node)

  return {
    show(next) {
      rows = next
      draw()
    },
    close() {
      theme.removeEventListener('change', onTheme)
      sizes.disconnect()
      plot?.destroy()
      node.remove()
    }
  }
}
