/// <reference types="vite/types/importMeta.d.ts" />
// What the contract of all features needs to know of each: every file in `cases/` tells it of some of them.

import type { AnyFeature, Draft, EventMap } from '../../../src/feature.js'

export interface FeatureCase {
  readonly feature: AnyFeature
  /** For each event, data that its schema accepts. `$0` to `$3` stand for ids of events that may have come before. */
  readonly samples: Readonly<Record<string, readonly unknown[]>>
  /** For each command: what must have happened before, arguments, and how the catalogue says that it travels. */
  readonly commands: Readonly<Record<string, CommandCase>>
  /** Commands of the page alone: they send nothing themselves. */
  readonly ofThePage?: readonly string[]
  /** What the server must refuse of a client that does not keep to the commands. */
  readonly refusals?: readonly RefusalCase[]
}

export interface CommandCase {
  readonly args: readonly unknown[]
  /** `durable`, `latest`, `ttl <seconds>` or `volatile <seconds>`. */
  readonly delivery: string
  /** Happened just before, by bob, the first of them with the id `before`; the command is called by ann. */
  readonly before?: Draft<EventMap> | readonly Draft<EventMap>[]
  /** Who calls it instead of ann. */
  readonly me?: string
}

/** Something that ann pushes, and the code with which the server refuses it. */
export interface RefusalCase {
  /** In words: `a second ballot`. */
  readonly what: string
  /** What happened before, in order; its ids are `app:before-0`, `app:before-1` … */
  readonly before?: ReadonlyArray<{ readonly by: string; readonly type: string; readonly data: unknown }>
  readonly type: string
  readonly data: unknown
  readonly code: string
}

let files = import.meta.glob<{ cases: readonly FeatureCase[] }>('./cases/*.ts', { eager: true })

/** All of them. */
export let cases: readonly FeatureCase[] = Object.values(files).flatMap(({ cases }) => cases)
