// A small line chart of heart rates over the last two minutes, with the same in words.

import { attribute, svg } from './dom.js'

const WIDTH = 560
const HEIGHT = 150
const SECONDS = 120
const LEFT = 30
const GAP = 15_000

/** `draw(lines, now)` with lines of `{ id, name, series }`; the first one is one's own. */
export function heartChart() {
  let grid = svg('g', { class: 'grid' })
  let curves = svg('g', {})
  let node = svg(
    'svg',
    { class: 'chart', viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: 'img', 'aria-label': 'No heart rate yet.' },
    grid,
    curves
  )

  function draw(lines, now) {
    let from = now - SECONDS * 1000
    let shown = lines.map(line => ({
      ...line,
      points: line.series.filter(({ at, heartRate }) => heartRate !== null && at >= from)
    }))
    let rates = shown.flatMap(({ points }) => points.map(({ heartRate }) => heartRate))
    let low = Math.floor((Math.min(60, ...rates) - 4) / 10) * 10
    let high = Math.ceil((Math.max(90, ...rates) + 4) / 10) * 10
    let x = at => LEFT + ((at - from) / (SECONDS * 1000)) * (WIDTH - LEFT - 8)
    let y = rate => HEIGHT - 12 - ((rate - low) / (high - low)) * (HEIGHT - 24)

    grid.replaceChildren(
      ...marks(low, high).flatMap(rate => [
        svg('line', { x1: LEFT, x2: WIDTH, y1: y(rate), y2: y(rate) }),
        svg('text', { x: LEFT - 6, y: y(rate) + 4, 'text-anchor': 'end' }, String(rate))
      ])
    )
    curves.replaceChildren(
      ...shown
        .filter(({ points }) => points.length > 0)
        .flatMap(({ id, points }) => {
          let last = points.at(-1)
          return [
            svg('path', { class: `curve ${id}`, d: pathOf(points, x, y) }),
            svg('circle', { class: `head ${id}`, cx: x(last.at), cy: y(last.heartRate), r: 4 })
          ]
        })
    )
    attribute(node, 'aria-label', inWords(shown))
  }
  return { node, draw }
}

function marks(low, high) {
  let step = high - low > 60 ? 40 : 20
  let all = []
  for (let rate = Math.ceil(low / step) * step; rate <= high; rate += step) all.push(rate)
  return all
}

/** A gap in time is a gap in the line. */
function pathOf(points, x, y) {
  return points
    .map(({ at, heartRate }, i) => {
      let joined = i > 0 && at - points[i - 1].at < GAP
      return `${joined ? 'L' : 'M'}${x(at).toFixed(1)} ${y(heartRate).toFixed(1)}`
    })
    .join('')
}

function inWords(lines) {
  let said = lines
    .filter(({ points }) => points.length > 0)
    .map(({ name, points }) => {
      let rates = points.map(({ heartRate }) => Math.round(heartRate))
      return `${name}: now ${rates.at(-1)}, between ${Math.min(...rates)} and ${Math.max(...rates)}`
    })
  return said.length === 0
    ? 'No heart rate in the last two minutes.'
    : `Heart rate in beats a minute over the last two minutes. ${said.join('. ')}.`
}
