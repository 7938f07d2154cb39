import type { AnyFeature } from '../../src/feature.js'

/** `library`: the exports of realtime-stores. */
export function pointerOf(library: Record<string, unknown>): AnyFeature
