/// <reference types="vite/types/importMeta.d.ts" />
// docs/events.md is made from the features themselves: every event, who may say it, how it travels, what it carries. When it is
// out of date this fails; `npm run docs:events` writes it anew.

import { expect, test } from 'vitest'
import type { AnyFeature, EventMap, EventSpec } from '../../src/feature.js'
import type { Schema } from '../../src/schema.js'
import { cases as allCases } from './features/cases.js'

let modules = import.meta.glob<Record<string, unknown>>('../../src/features/*.ts', { eager: true })

function doorOf(feature: AnyFeature): string {
  let found = Object.entries(modules).filter(([, exports]) => Object.values(exports).includes(feature))
  // A list of several features is no place to take one from.
  let path = found.map(([path]) => path).find(path => !path.endsWith('/index.ts')) ?? ''
  return path.replace('../../src/features/', 'realtime-stores/features/').replace(/\.ts$/, '')
}

function travels({ delivery, key }: EventSpec<unknown>): string {
  let per = key ? 'key and sender' : 'sender'
  if (delivery.kind === 'ttl') return `stored; worth nothing after ${delivery.seconds} s`
  if (delivery.kind === 'latest')
    return `stored; a newer one of the same ${key ? 'key' : 'type'} replaces it while it waits`
  if (delivery.kind === 'volatile')
    return `a stream, never stored; at most ${delivery.rate} a second of a ${per}, the last one kept for ${delivery.seconds} s`
  return 'stored'
}

function fieldsOf(schema: Schema<unknown>): string[] {
  if (!schema.fields) return [`- ${schema.describe ?? 'as its schema says'}`]
  let fields = Object.entries(schema.fields)
  if (fields.length === 0) return ['- no fields']
  return fields.map(([name, { describe }]) => `- \`${name}\`: ${describe}`)
}

function example(sample: unknown): string {
  // Samples of the tests name events that may have come before by `$0` to `$3`.
  let text = JSON.stringify(sample, (_, value: unknown) =>
    typeof value === 'string' && value.length > 80 ? `${value.slice(0, 20)}…` : value
  )
  return text.replace(/"\$(\d)"/g, '"id-$1"')
}

function countOf({ events }: AnyFeature): string {
  let { length } = Object.keys(events)
  return length === 1 ? '1 event' : `${length} events`
}

function page(): string {
  let cases = [...allCases].sort((a, b) => a.feature.name.localeCompare(b.feature.name, 'en'))
  let lines = [
    '# Every event of every feature',
    '',
    'Made from the features by `npm run docs:events`; do not edit. A frame carries an event as `feature`, `type` and `data`; what',
    'an app handles and what a program in another language sends by `POST <path>/publish` are the same. An event is said by members',
    'unless it says otherwise. An event of the *server* is refused as `forbidden` from a client. Ids in the examples stand for those',
    'of earlier events.',
    '',
    ...cases.map(({ feature }) => `- [${feature.name}](#${feature.name}): ${countOf(feature)}`)
  ]
  for (let { feature, samples } of cases) {
    lines.push('', `## ${feature.name}`, '', `\`${doorOf(feature)}\`, version ${feature.version}.`)
    for (let [type, spec] of Object.entries(feature.events as EventMap)) {
      let refused = feature.refuse && type in feature.refuse ? ' May be refused by the feature itself.' : ''
      lines.push('', `### \`${feature.name}.${type}\``, '')
      lines.push(
        `${spec.author === 'server' ? 'Of the server. ' : ''}Lane \`${spec.lane}\`; ${travels(spec)}.${refused}`,
        ''
      )
      lines.push(...fieldsOf(spec.schema as Schema<unknown>), '')
      lines.push('```json', example(samples[type]?.[0]), '```')
    }
  }
  return `${lines.join('\n')}\n`
}

test('docs/events.md is what the features say: npm run docs:events', async () => {
  let text = page()
  expect(text.length).toBeGreaterThan(10_000)
  await expect(text).toMatchFileSnapshot('../../docs/events.md')
})

test('every event has a door, a description of its fields and an example', () => {
  for (let { feature, samples } of allCases) {
    expect([feature.name, doorOf(feature)]).toEqual([
      feature.name,
      expect.stringMatching(/^realtime-stores\/features\/[a-z-]+$/)
    ])
    for (let [type, { schema }] of Object.entries(feature.events as EventMap)) {
      expect([feature.name, type, typeof (schema as Schema<unknown>).describe]).toEqual([feature.name, type, 'string'])
      expect([feature.name, type, samples[type]?.length]).toEqual([feature.name, type, expect.any(Number)])
    }
  }
})
