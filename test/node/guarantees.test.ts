// The table of hard cases is whole: every row is there with its tests, every test that is named exists, and every test that
// names a row is in it.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { rowsOf } from '../support/markdown.js'

let root = join(import.meta.dirname, '../..')
let read = (file: string): string => readFileSync(join(root, file), 'utf8')

let table = rowsOf(read('docs/guarantees.md'), '## When browsers')
let numbers = [
  ...Array.from({ length: 30 }, (_, i) => `${i + 1}`),
  '30a',
  '30b',
  ...Array.from({ length: 14 }, (_, i) => `${i + 31}`)
]

/** File and title of each test of a row; a title may be a tag that stands for all tests with it. */
function testsOf(cell = ''): { file: string; title: string }[] {
  return cell.split('<br>').map(line => {
    let [, file = '', title = ''] = /^`(test\/[^`]+)` › (.+)$/.exec(line) ?? []
    return { file, title }
  })
}

/** The names of all tests in a file. */
function titlesIn(file: string): string[] {
  return [
    ...read(file).matchAll(
      /\b(?:test|it)\b[^'"`]*?\(\s*(['"`])((?:\\.|(?!\1).)*)\1|\]\)\(\s*'((?:\\.|[^'])*)'|\bconst\)\('((?:\\.|[^'])*)'/g
    )
  ].map(match => match[2] ?? match[3] ?? match[4] ?? '')
}

function tagsIn(title: string): string[] {
  return /\{HC ([^}]+)\}/.exec(title)?.[1]?.split(', ') ?? []
}

test('every hard case has its row, in order, with a promise and a test', () => {
  expect(table.map(([number]) => number)).toEqual(numbers)
  for (let [number, promise, , tests] of table) {
    expect(promise, `row ${number}`).toMatch(/\w{3}/)
    expect(testsOf(tests).length, `row ${number}`).toBeGreaterThan(0)
  }
})

test('the rules that carry them exist', () => {
  let known = new Set([...read('src/protocol/SPEC.md').matchAll(/^- \*\*\[([A-Z]\d+)\]/gm)].map(match => match[1]))
  let cited = table.flatMap(([, , rules = '']) => rules.split(' ').filter(Boolean))
  expect(cited.length).toBeGreaterThan(20)
  expect(cited.filter(id => !known.has(id))).toEqual([])
})

test('every test that a row names exists', () => {
  let missing = table.flatMap(([number = '', , , tests]) =>
    testsOf(tests).filter(({ file, title }) => {
      let titles = titlesIn(file)
      return title === `{HC ${number}}` ? !titles.some(name => tagsIn(name).includes(number)) : !titles.includes(title)
    })
  )
  expect(missing).toEqual([])
})

test('every test that names a row is in it', () => {
  let listed = new Set(
    table.flatMap(([number, , , tests]) => testsOf(tests).map(({ file, title }) => `${number} ${file} ${title}`))
  )
  let files = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.test.ts'))
    .map(name => `test/${name.replaceAll('\\', '/')}`)
  let tagged = files.flatMap(file =>
    titlesIn(file).flatMap(title => tagsIn(title).map(number => `${number} ${file} {HC ${number}}`))
  )
  expect(tagged.length).toBeGreaterThan(40)
  expect([...new Set(tagged)].filter(tag => !listed.has(tag))).toEqual([])
})
