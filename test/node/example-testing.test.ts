// The example of how an app is tested: its own tests pass, without a warning, and its types fit.

import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import ts from 'typescript'
import { expect, onTestFinished, test } from 'vitest'

let root = join(import.meta.dirname, '../..')
let example = join(root, 'examples/testing')

test('its tests pass, and nothing is complained of', { timeout: 120_000 }, () => {
  if (!existsSync(join(root, 'dist/testing/index.js'))) throw new Error('The library is not built: npm run build')
  let vitest = join(dirname(createRequire(import.meta.url).resolve('vitest/package.json')), 'vitest.mjs')
  let folder = mkdtempSync(join(tmpdir(), 'realtime-example-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  let report = join(folder, 'report.json')
  let { stdout, stderr, status } = spawnSync(
    process.execPath,
    [vitest, 'run', '--root', example, '--reporter=default', '--reporter=json', `--outputFile.json=${report}`],
    { encoding: 'utf8', env: { ...process.env, NO_COLOR: '1', VITEST: undefined, NODE_ENV: undefined } }
  )
  expect(status, stdout + stderr).toBe(0)
  let { numPassedTests, numTotalTests } = JSON.parse(readFileSync(report, 'utf8'))
  expect(numPassedTests).toBe(numTotalTests)
  expect(numPassedTests).toBeGreaterThanOrEqual(8)
  // As React does of what happens outside `act`.
  expect(`${stdout}${stderr}`).not.toMatch(/Warning|act\(/)
})

test('its types fit', { timeout: 120_000 }, () => {
  let { config } = ts.readConfigFile(join(example, 'tsconfig.json'), ts.sys.readFile)
  let { options, fileNames } = ts.parseJsonConfigFileContent(config, ts.sys, example)
  let paths = {
    'realtime-stores': [join(root, 'src/index.ts')],
    'realtime-stores/*': [join(root, 'src/*.ts'), join(root, 'src/*/index.ts')]
  }
  expect(fileNames.length).toBeGreaterThan(5)
  let program = ts.createProgram(fileNames, { ...options, paths })
  let problems = fileNames.flatMap(file => {
    let source = program.getSourceFile(file)
    let found = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)]
    return found.map(({ messageText }) => `${file}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`)
  })
  expect(problems).toEqual([])
})
