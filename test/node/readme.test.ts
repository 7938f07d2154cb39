// What the documents say is true: their code type-checks, their tables agree with the source, what they cite exists.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { describe, expect, test } from 'vitest'
import { kilobytes, measureSizes, readSizes } from '../../bench/sizes.mjs'
import { DEFAULT_LIMITS } from '../../src/server/limits.js'
import { blocksOf, rowsOf, wordsIn } from '../support/markdown.js'

let root = join(import.meta.dirname, '../..')
let read = (file: string) => readFileSync(join(root, file), 'utf8')
let documents = [
  'README.md',
  ...readdirSync(join(root, 'docs'))
    .filter(file => file.endsWith('.md'))
    .map(file => `docs/${file}`)
]
let readme = read('README.md')

describe('the code of', () => {
  test.each(documents)('%s type-checks', { timeout: 60_000 }, file => {
    expect(problemsIn(file)).toEqual([])
  })
})

describe('the table of', () => {
  test('options names every option, and the defaults are those of the source', () => {
    let rows = rowsOf(readme, '## Options')
    let named = new Set(rows.flatMap(([names = '']) => wordsIn(names)))
    let options = [
      ...membersOf('src/client-options.ts', 'RealtimeOptions'),
      ...membersOf('src/service.ts', 'ServiceOptions')
    ]
    expect([...named].map(name => name.split('.')[0])).toEqual(expect.arrayContaining(options))
    expect(options).toEqual(expect.arrayContaining([...named].map(name => name.split('.')[0])))

    let source = read('src/client.ts') + read('src/service.ts')
    for (let [name = '', value = ''] of rows) {
      let literal = wordsIn(value)[0]
      // What is off unless it is asked for has no default in the source.
      if (literal === undefined || literal === 'true' || literal === 'false') continue
      // As in `options.outbox?.maxCount ?? 50_000`, or `let { persona = 'default' } = options`.
      let word = (wordsIn(name)[0] as string).split('.').at(-1)
      let found = new RegExp(`\\.${word} \\?\\? ([\\w']+)|\\b${word} = ([\\w']+)(?=,| \\})`).exec(source)
      expect(`${name} ${found?.[1] ?? found?.[2]}`).toBe(`${name} ${literal}`)
    }
  })

  test('limits is the one of the server', () => {
    let rows = rowsOf(readme, 'Limits of the server')
    let said = rows.map(([name = '', value = '']) => [
      wordsIn(name)[0],
      new Function(`return (${wordsIn(value)[0]})`)()
    ])
    expect(Object.fromEntries(said)).toEqual(DEFAULT_LIMITS)
  })

  test('the connection names every field', () => {
    let named = rowsOf(readme, '## The connection').flatMap(([names = '']) => wordsIn(names))
    expect(named.sort()).toEqual(membersOf('src/core/connection-view.ts', 'ConnectionView').sort())
  })

  test('commands names every member of the service', () => {
    let named = rowsOf(read('docs/guide.md'), '## Commands').flatMap(([names = '']) => wordsIn(names))
    let stores = ['pending', 'rejected', 'unknown']
    expect([...named.map(call => call.split('(')[0]), ...stores].sort()).toEqual(serviceMembers().sort())
  })

  test('codes names every code', () => {
    let named = rowsOf(read('docs/guide.md'), '## Codes').flatMap(([names = '']) => wordsIn(names))
    let meanings = /const MEANINGS = \{(.*?)\n\}/s.exec(read('src/errors.ts'))?.[1] ?? ''
    let codes = [...meanings.matchAll(/^ {2}'?([\w-]+)'?:/gm)].map(match => match[1])
    expect(named.sort()).toEqual(codes.sort())
  })

  test('system events names every event', () => {
    let named = rowsOf(read('docs/guide.md'), '## Events of the system').flatMap(([names = '']) => wordsIn(names))
    let events = /export type RealtimeEvents = \{(.*?)\n\}/s.exec(read('src/events.ts'))?.[1] ?? ''
    expect(named.sort()).toEqual([...events.matchAll(/^ {2}(\w+):/gm)].map(match => match[1]).sort())
  })

  test('sizes is right within five per cent', { timeout: 60_000 }, async () => {
    if (!existsSync(join(root, 'dist/index.js'))) throw new Error('The library is not built: npm run build')
    let said = readSizes(readme)
    let sizes = await measureSizes()
    expect(Object.keys(said)).toEqual(sizes.map(({ name }) => name))
    for (let { name, min, gzip, brotli, withoutNanostores } of sizes) {
      let numbers = said[name] as number[]
      for (let [i, bytes] of [min, gzip, brotli, withoutNanostores].entries()) {
        let off = Math.abs((numbers[i] as number) * 1000 - bytes)
        let message = `${name} is ${kilobytes(bytes)}, the README says ${numbers[i]} kB: node bench/sizes.mjs --write`
        // Small ones are rounded to a tenth of a kB.
        expect(off, message).toBeLessThanOrEqual(Math.max(bytes * 0.05, 100))
      }
    }
  })
})

describe('what is cited exists:', () => {
  let text = read('docs/guarantees.md')
  let rules = new Set([...read('src/protocol/SPEC.md').matchAll(/^- \*\*\[([A-Z]\d+)\]/gm)].map(match => match[1]))

  test('rules', () => {
    let cited = [...text.matchAll(/^- Rules: (.*)$/gm)].flatMap(match => (match[1] as string).split(', '))
    expect(cited.length).toBeGreaterThan(20)
    expect(cited.filter(id => !rules.has(id))).toEqual([])
  })

  test('tests', () => {
    let cited = [...text.matchAll(/^- `(test\/[^`]+)` › (.*)$/gm)].map(([, file = '', title = '']) => ({ file, title }))
    expect(cited.length).toBeGreaterThan(20)
    expect(
      cited.filter(({ file, title }) => !existsSync(join(root, file)) || !read(file).includes(`'${title}'`))
    ).toEqual([])
  })

  test('files', () => {
    for (let file of documents) {
      let links = [...read(file).matchAll(/\]\((?!https?:)([^)#]+)(?:#[\w-]+)?\)/g)].map(match => match[1] as string)
      expect(links.filter(link => !existsSync(join(root, file, '..', link)))).toEqual([])
    }
  })
})

// --- reading the source ---

function parse(file: string): ts.SourceFile {
  return ts.createSourceFile(file, read(file), ts.ScriptTarget.ES2022, true)
}

/** The property names of an interface. */
function membersOf(file: string, name: string): string[] {
  let found = parse(file).statements.find(node => ts.isInterfaceDeclaration(node) && node.name.text === name)
  return (found as ts.InterfaceDeclaration).members.map(member => (member.name as ts.Identifier).text)
}

/** The keys of `let service = { … }`, and of what `createCommands` returns into it. */
function serviceMembers(): string[] {
  let keysIn = (file: string, isMeant: (parent: ts.Node) => boolean): string[] => {
    let names: string[] = []
    let visit = (node: ts.Node): void => {
      if (ts.isObjectLiteralExpression(node) && isMeant(node.parent))
        names = node.properties.flatMap(property => property.name?.getText() ?? [])
      else ts.forEachChild(node, visit)
    }
    visit(parse(file))
    return names
  }
  return [
    ...keysIn('src/service.ts', parent => ts.isVariableDeclaration(parent) && parent.name.getText() === 'service'),
    ...keysIn('src/companion-commands.ts', ts.isReturnStatement)
  ]
}

// --- type-checking ---

/** What the compiler says about the blocks of a document, each as a module of its own beside the named ones. */
function problemsIn(file: string): string[] {
  let folder = join(root, 'test/.blocks')
  let sources = new Map<string, string>()
  let places = new Map<string, string>()
  for (let [i, { language, name, code, where }] of blocksOf(join(root, file)).entries()) {
    if (!['ts', 'tsx', 'js', 'jsx'].includes(language)) continue
    let path = join(folder, name ?? `block-${i}.${language}`)
    if (sources.has(path)) throw new Error(`${where}: there are two blocks named ${name}`)
    sources.set(path, `${code}\nexport {}\n`)
    places.set(path, where)
  }
  let { options } = ts.parseJsonConfigFileContent(
    ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile).config,
    ts.sys,
    root
  )
  options = {
    ...options,
    checkJs: true,
    paths: {
      'realtime-stores': [join(root, 'src/index.ts')],
      'realtime-stores/*': [join(root, 'src/*.ts'), join(root, 'src/*/index.ts')]
    }
  }
  let host = ts.createCompilerHost(options)
  let { fileExists, readFile, getSourceFile, directoryExists } = host
  host.fileExists = path => sources.has(path) || fileExists(path)
  host.readFile = path => sources.get(path) ?? readFile(path)
  host.directoryExists = path => path === folder || (directoryExists?.(path) ?? true)
  host.getSourceFile = (path, version, ...rest) => {
    let text = sources.get(path)
    return text === undefined ? getSourceFile(path, version, ...rest) : ts.createSourceFile(path, text, version, true)
  }
  let program = ts.createProgram([...sources.keys()], options, host)
  return [...places].flatMap(([path, where]) => {
    let source = program.getSourceFile(path)
    return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map(
      ({ messageText, start = 0 }) =>
        `${where}, line ${(source?.getLineAndCharacterOfPosition(start).line ?? 0) + 1}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`
    )
  })
}
