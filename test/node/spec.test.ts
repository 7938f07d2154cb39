// Every rule of the protocol is proven by a test that names it, and no test names a rule that is not there.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

let root = join(import.meta.dirname, '../..')

let spec = readFileSync(join(root, 'src/protocol/SPEC.md'), 'utf8')
let [rules = '', reserved = ''] = spec.split('## Reserved')
let idsOf = (text: string) => [...text.matchAll(/^- \*\*\[([A-Z]\d+)\]\*\*/gm)].map(match => match[1] as string)

/** The shipped contracts are tests too. */
const CONTRACTS = 'src/testing/contract'

function filesIn(folder: string, name: RegExp): string[] {
  let files = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
  return files.filter(file => name.test(file)).map(file => join(folder, file))
}

function usedIds(): Map<string, string> {
  let used = new Map<string, string>()
  for (let file of [...filesIn('test', /\.(test|spec)\.tsx?$|contract\.ts$/), ...filesIn(CONTRACTS, /\.ts$/)]) {
    let text = readFileSync(join(root, file), 'utf8')
    for (let [, ids = ''] of text.matchAll(/\b(?:test|it)(?:\.\w+)*\(\s*['"`]((?:\[[A-Z]\d+\]\s*)+)/g)) {
      for (let [, id = ''] of ids.matchAll(/\[([A-Z]\d+)\]/g)) used.set(id, file)
    }
  }
  return used
}

test('every rule is said once, and in order', () => {
  let ids = idsOf(spec)
  expect(new Set(ids).size).toBe(ids.length)
  for (let letter of new Set(ids.map(id => id[0]))) {
    let group = ids.filter(id => id[0] === letter)
    expect(group).toEqual(group.map((_, i) => `${letter}${i + 1}`))
  }
})

test('tests name only rules that exist', () => {
  let known = new Set(idsOf(spec))
  let strangers = [...usedIds()].filter(([id]) => !known.has(id)).map(([id, file]) => `[${id}] in ${file}`)
  expect(strangers).toEqual([])
})

test('every rule has a test', () => {
  let used = usedIds()
  expect(idsOf(rules).filter(id => !used.has(id))).toEqual([])
  expect(idsOf(reserved).length).toBeGreaterThan(0)
})
