// What is shown of each feature: its confirmed state, the pending rows on it, and the casts on top. Rows that come on top are
// painted at once. Whatever changes below them has all of them painted again: in slices when that takes long, and the more
// rarely the longer it takes, so that no backlog ever blocks the page. What is shown is always one whole. Knows nothing of
// positions and answers.

import { type AnyFeature, reduceEvent } from '../feature.js'
import type { CastFrame } from '../protocol/frames.js'
import type { Row } from './rows.js'

/** The longest that one paint works on waiting rows, in milliseconds. */
const SLICE = 8
/** So many rows on top are painted at once; more of them, as all others. */
const MOST_NEWS = 128
/** After painting for longer than a slice, the page has so many times that time for itself. */
const REST = 4

interface Fold {
  readonly now: number
  readonly rows: Row[]
  next: number
  state: unknown
  /** Milliseconds spent on it. */
  cost: number
}

interface Layer {
  readonly feature: AnyFeature
  /** The newest whole state with its rows, without casts; null before the first. */
  whole: { state: unknown } | null
  /** Rows that came on top since the last paint. */
  news: Row[]
  /** Something below the rows has changed, or one of them has gone. */
  isDirty: boolean
  hasNewCasts: boolean
  fold: Fold | null
  /** Milliseconds that a row took the last time. */
  perRow: number
  dueAt: number
}

export type Painting = ReturnType<typeof createPainting>

export function createPainting(ports: {
  me: string
  serverNow: () => number
  failed: (feature: string, error: unknown) => void
  confirmed: (feature: AnyFeature) => unknown
  /** All pending rows, in the order in which they are painted. */
  pending: () => ReadonlyMap<string, Row>
  casts: () => Iterable<{ readonly frame: CastFrame }>
}) {
  let { me, serverNow, failed, confirmed, pending, casts } = ports
  let layers = new Map<string, Layer>()

  function apply(feature: AnyFeature, state: unknown, { id, type, data, at }: Row, now: number): unknown {
    let meta = { id, actor: me, at: Math.max(now, at) }
    return reduceEvent(feature, state, type, data, meta, error => failed(feature.name, error))
  }

  function isCheap({ perRow }: Layer): boolean {
    return perRow * pending().size <= SLICE
  }

  function begin(layer: Layer): Fold {
    let { feature } = layer
    layer.isDirty = false
    let rows: Row[] = []
    for (let row of pending().values()) if (row.feature === feature.name) rows.push(row)
    return { now: serverNow(), rows, next: 0, state: confirmed(feature), cost: 0 }
  }

  /** Goes on until the rows or the time are over. True when it is complete. */
  function advance({ feature }: Layer, fold: Fold, mono: () => number, until: number): boolean {
    let { rows, now } = fold
    let start = mono()
    let time = start
    while (fold.next < rows.length && time < until) {
      fold.state = apply(feature, fold.state, rows[fold.next++] as Row, now)
      time = mono()
    }
    fold.cost += time - start
    return fold.next === rows.length
  }

  function finish(layer: Layer, { rows, state, cost }: Fold, now: number): void {
    layer.fold = null
    layer.whole = { state }
    if (rows.length) layer.perRow = cost / rows.length
    layer.dueAt = now + REST * cost
  }

  function withCasts({ feature }: Layer, state: unknown): unknown {
    for (let { frame } of casts()) {
      if (frame.feature !== feature.name) continue
      let meta = { id: frame.id ?? '', actor: frame.by ?? me, at: frame.at ?? serverNow() }
      state = reduceEvent(feature, state, frame.type, frame.data, meta, error => failed(feature.name, error))
    }
    return state
  }

  return {
    use(feature: AnyFeature): void {
      let { name } = feature
      let fresh = { whole: null, news: [], isDirty: true, hasNewCasts: false, fold: null, perRow: 0, dueAt: 0 }
      layers.set(name, { feature, ...fresh })
    },
    /** A row came on top of all others. */
    added(row: Row): void {
      let layer = layers.get(row.feature)
      layer?.news.push(row)
      layer?.fold?.rows.push(row)
    },
    /** What lies below the rows of a feature is another, or one of them went or moved. */
    changed(name: string): void {
      let layer = layers.get(name)
      if (layer) layer.isDirty = true
    },
    castsChanged(name: string): void {
      let layer = layers.get(name)
      if (layer) layer.hasNewCasts = true
    },
    /** Everything starts over: what is being painted would be out of date. */
    restart(): void {
      for (let layer of layers.values()) Object.assign(layer, { isDirty: true, fold: null, dueAt: 0 })
    },

    /** Features whose shown state changed, with that state. `top`: only what came on top. */
    paint(mono: () => number, top?: 'top'): Map<string, unknown> {
      let shown = new Map<string, unknown>()
      let until = mono() + SLICE
      for (let [name, layer] of layers) {
        let news = layer.news.length > MOST_NEWS ? [] : layer.news
        if (news !== layer.news) layer.isDirty = true
        layer.news = []
        let isDue = layer.isDirty && !layer.fold && (isCheap(layer) || until - SLICE >= layer.dueAt)
        if (isDue && !top) layer.fold = begin(layer)
        if (layer.fold && !top && advance(layer, layer.fold, mono, until)) finish(layer, layer.fold, mono())
        else if (news.length && layer.whole) {
          let now = serverNow()
          let state = news.reduce((before, row) => apply(layer.feature, before, row, now), layer.whole.state)
          layer.whole = { state }
        } else if (!layer.hasNewCasts) continue
        if (!layer.whole) continue
        layer.hasNewCasts = false
        shown.set(name, withCasts(layer, layer.whole.state))
      }
      return shown
    },
    /** When there is something to paint that nothing else brings about, or Infinity. */
    dueAt(): number {
      let next = Infinity
      for (let layer of layers.values()) {
        if (layer.fold) return 0
        if (layer.isDirty) next = Math.min(next, isCheap(layer) ? 0 : layer.dueAt)
      }
      return next
    }
  }
}
