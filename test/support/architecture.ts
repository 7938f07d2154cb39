// Reads source files with the TypeScript parser and says which rule of the house they break.
// It knows the rules only as a table; the table itself is in test/architecture.test.ts.

import { dirname, join, normalize } from 'node:path/posix'
import ts from 'typescript'

/** Every `*` matches within one path part, every `**` across them. The first rule that matches a file counts. */
export interface Rule {
  files: string[]
  floor: number
  /** Files of the same floor may know one another only within a room. */
  room: string
  door?: true
}

export interface House {
  rules: Rule[]
  /** Floors that may touch the platform and the packages that do. */
  platformFloors: number[]
  globals: Set<string>
  /** Only these members of a global are the platform, as in `Date.now`. */
  members: Record<string, string[]>
  platformPackages: RegExp
  self: string
}

/** `sources`: path below src → text. Returns one sentence per problem. */
export function problemsIn(sources: Map<string, string>, house: House): string[] {
  const { files, checker } = parse(sources)
  const graph = new Map<string, string[]>()
  const problems: string[] = []

  for (const [path, file] of files) {
    const rule = ruleOf(path, house)
    const next: string[] = []
    graph.set(path, next)
    if (!rule) {
      problems.push(`${path} is on no floor`)
      continue
    }
    const mayTouchPlatform = house.platformFloors.includes(rule.floor)
    for (const name of importsOf(file)) {
      if (name === house.self || name.startsWith(`${house.self}/`)) {
        problems.push(`${path} imports its own package (${name})`)
      } else if (!name.startsWith('.')) {
        if (!mayTouchPlatform && house.platformPackages.test(name)) {
          problems.push(`${path} imports ${name}: only floors ${house.platformFloors.join(' and ')} may`)
        }
      } else {
        const target = resolve(path, name, sources)
        if (!target || target === path) continue
        next.push(target)
        const problem = stairs(path, rule, target, ruleOf(target, house))
        if (problem) problems.push(problem)
      }
    }
    if (!mayTouchPlatform) {
      for (const { name, line } of platformUses(file, checker, house)) {
        problems.push(`${path}:${line} uses ${name}: only floors ${house.platformFloors.join(' and ')} may`)
      }
    }
  }
  return [...problems, ...cyclesIn(graph).map(cycle => `import cycle: ${cycle.join(' → ')}`)]
}

function stairs(path: string, from: Rule, target: string, to: Rule | undefined): string | undefined {
  if (!to) return undefined // reported by itself
  if (to.room === from.room && to.floor === from.floor) return undefined
  if (to.door) return `${path} imports a door (${target})`
  if (to.floor > from.floor) return `${path} (floor ${from.floor}) imports upward: ${target} (floor ${to.floor})`
  if (to.floor === from.floor) return `${path} (${from.room}) imports its neighbour ${target} (${to.room})`
  return undefined
}

function ruleOf(path: string, house: House): Rule | undefined {
  return house.rules.find(rule => rule.files.some(glob => matches(glob, path)))
}

function matches(glob: string, path: string): boolean {
  const pattern = glob
    .replace(/[.+?^${}()|[\]\\]/g, '\\$&')
    .replace(/\*\*/g, '\0')
    .replace(/\*/g, '[^/]*')
    .replace(/\0/g, '.*')
  return new RegExp(`^${pattern}$`).test(path)
}

/** Parsed and bound, without libraries: a name the checker cannot resolve is then a global. */
function parse(sources: Map<string, string>) {
  const options: ts.CompilerOptions = { noLib: true, noResolve: true, types: [], jsx: ts.JsxEmit.Preserve }
  const parsed = new Map<string, ts.SourceFile>()
  for (const [path, text] of sources) parsed.set(path, ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true))
  const program = ts.createProgram([...sources.keys()], options, {
    getSourceFile: path => parsed.get(path),
    fileExists: path => sources.has(path),
    readFile: path => sources.get(path),
    getDefaultLibFileName: () => 'lib.d.ts',
    getCurrentDirectory: () => '',
    getCanonicalFileName: path => path,
    useCaseSensitiveFileNames: () => true,
    getNewLine: () => '\n',
    writeFile: () => {}
  })
  return { files: parsed, checker: program.getTypeChecker() }
}

/** Static, type-only, re-exported, `import()` as a value and as a type. */
function importsOf(file: ts.SourceFile): string[] {
  const names: string[] = []
  const add = (node: ts.Node | undefined) => {
    if (node && ts.isStringLiteralLike(node)) names.push(node.text)
  }
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) add(node.moduleSpecifier)
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) add(node.arguments[0])
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) add(node.argument.literal)
    ts.forEachChild(node, visit)
  }
  visit(file)
  return names
}

function resolve(from: string, name: string, sources: Map<string, string>): string | undefined {
  const path = normalize(join(dirname(from), name))
  const stem = path.replace(/\.(js|jsx|ts|tsx)$/, '')
  return [path, `${stem}.ts`, `${stem}.tsx`, `${path}/index.ts`, `${path}/index.tsx`].find(it => sources.has(it))
}

/** Names in value position that nothing in the file declares. Property names and types do not count. */
function platformUses(file: ts.SourceFile, checker: ts.TypeChecker, house: House) {
  const uses: { name: string; line: number }[] = []
  const visit = (node: ts.Node): void => {
    const typeOnly = ts.isTypeNode(node) && !ts.isExpressionWithTypeArguments(node)
    if (typeOnly || ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node)) return
    if (ts.isIdentifier(node) && !isPropertyName(node)) {
      const name = platformName(node, house)
      if (name && !isDeclared(node, checker)) {
        uses.push({ name, line: file.getLineAndCharacterOfPosition(node.getStart()).line + 1 })
      }
    }
    ts.forEachChild(node, visit)
  }
  visit(file)
  return uses
}

function platformName(node: ts.Identifier, house: House): string | undefined {
  if (house.globals.has(node.text)) return node.text
  const members = Object.hasOwn(house.members, node.text) ? house.members[node.text] : undefined
  if (!members) return undefined
  const { parent } = node
  if (ts.isPropertyAccessExpression(parent) && parent.expression === node) {
    return members.includes(parent.name.text) ? `${node.text}.${parent.name.text}` : undefined
  }
  // `new Date()` reads the clock, `new Date(at)` does not; `Date()` always does.
  if (node.text !== 'Date') return undefined
  const empty = ts.isNewExpression(parent) && parent.expression === node && !parent.arguments?.length
  if (empty) return 'new Date()'
  return ts.isCallExpression(parent) && parent.expression === node ? 'Date()' : undefined
}

function isPropertyName(node: ts.Identifier): boolean {
  const { parent } = node
  if (ts.isPropertyAccessExpression(parent)) return parent.name === node
  if (ts.isBindingElement(parent)) return parent.propertyName === node
  if (ts.isImportSpecifier(parent) || ts.isExportSpecifier(parent)) return true
  if (ts.isJsxAttribute(parent) || ts.isMetaProperty(parent)) return true
  const named = ts.isPropertyAssignment(parent) || ts.isClassElement(parent) || ts.isEnumMember(parent)
  return named && (parent as ts.NamedDeclaration).name === node
}

function isDeclared(node: ts.Identifier, checker: ts.TypeChecker): boolean {
  const symbol = ts.isShorthandPropertyAssignment(node.parent)
    ? checker.getShorthandAssignmentValueSymbol(node.parent)
    : checker.getSymbolAtLocation(node)
  return (symbol?.declarations?.length ?? 0) > 0
}

function cyclesIn(graph: Map<string, string[]>): string[][] {
  const cycles: string[][] = []
  const done = new Set<string>()
  const trail: string[] = []
  const visit = (path: string): void => {
    const at = trail.indexOf(path)
    if (at >= 0) cycles.push([...trail.slice(at), path])
    if (at >= 0 || done.has(path)) return
    trail.push(path)
    for (const next of graph.get(path) ?? []) visit(next)
    trail.pop()
    done.add(path)
  }
  for (const path of graph.keys()) visit(path)
  return cycles
}
