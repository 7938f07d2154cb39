// The feature: one file, for the browser and for the server.

import { boolean, defineFeature, durable, object, string } from 'realtime-stores'

export interface Item {
  readonly id: string
  readonly text: string
  readonly by: string
  readonly done: boolean
}

export const shopping = defineFeature({
  name: 'shopping',
  version: 1,
  events: {
    added: durable(object({ text: string({ min: 1, max: 100 }) })),
    ticked: durable(object({ id: string(), done: boolean() }))
  },
  initial: [] as readonly Item[],
  reduce: {
    added: (items, { text }, { id, actor }) => [...items, { id, text, by: actor, done: false }],
    ticked: (items, { id, done }) => items.map(item => (item.id === id ? { ...item, done } : item))
  },
  commands: {
    addItem: (_, text: string) => ({ type: 'added', data: { text } }),
    tick: (_, id: string, done: boolean) => ({ type: 'ticked', data: { id, done } })
  }
})
