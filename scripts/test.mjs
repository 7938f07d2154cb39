// Everything that must hold, in order. The last line printed is always "N passed, N failed".
// --no-browser leaves out what needs Chromium.

import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { requireChromium } from './find-chromium.mjs'

const withBrowser = !process.argv.includes('--no-browser')
const vitest = join(dirname(createRequire(import.meta.url).resolve('vitest/package.json')), 'vitest.mjs')
const reports = mkdtempSync(join(tmpdir(), 'realtime-stores-'))
const count = { passed: 0, failed: 0, skipped: 0 }

process.exitCode = 1 // until proven otherwise
process.on('exit', () => {
  rmSync(reports, { recursive: true, force: true })
  console.log(
    `\n${count.passed} passed, ${count.failed} failed${count.skipped > 0 ? `, ${count.skipped} skipped` : ''}`
  )
})

console.log(`Node ${process.version}`)
if (withBrowser) {
  try {
    process.env.CHROME_PATH = requireChromium()
    console.log(`Chromium ${process.env.CHROME_PATH}`)
  } catch (error) {
    stop(error.message)
  }
}

for (const script of ['typecheck', 'lint', 'build', 'check:pkg', 'size']) stage(script, () => npmRun(script))
stage('unit and node tests', () => runTests('unit', 'node'))
if (withBrowser) {
  stage('browser tests', () => runTests('browser'))
  stage('end-to-end tests', () => runTests('e2e', 'e2e-http', 'e2e-measured', 'e2e-http-measured'))
} else {
  console.log('\nLeft out, as asked: browser and end-to-end tests.')
}
process.exitCode = count.failed === 0 && count.passed > 0 ? 0 : 1

function stage(name, work) {
  console.log(`\n── ${name}`)
  const start = performance.now()
  const problem = work()
  console.log(`── ${name}: ${((performance.now() - start) / 1000).toFixed(1)} s`)
  if (problem) stop(`Stopped: ${name} ${problem}.`)
}

/** A script of package.json, so that each is written down once. */
function npmRun(script) {
  const { status } = spawnSync('npm', ['run', '--silent', script], {
    stdio: ['ignore', 'inherit', 'inherit'],
    shell: process.platform === 'win32'
  })
  return status === 0 ? undefined : 'failed'
}

/** Test failures are counted and the next stage still runs; only a run without any test stops everything. */
function runTests(...projects) {
  const report = join(reports, `${projects.join('-')}.json`)
  const { status } = spawnSync(
    process.execPath,
    [vitest, 'run', '--passWithNoTests', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`].concat(
      projects.flatMap(project => ['--project', project])
    ),
    { stdio: ['ignore', 'inherit', 'inherit'] }
  )
  const result = read(report)
  if (!result) return 'ended without a report'
  // A file that could not be loaded has no failed test of its own, so it counts as one.
  const broken = result.testResults.filter(
    file => file.status === 'failed' && !file.assertionResults.some(test => test.status === 'failed')
  ).length
  const failed = result.numFailedTests + broken
  count.passed += result.numPassedTests
  count.failed += failed === 0 && status !== 0 ? 1 : failed
  count.skipped += result.numPendingTests + (result.numTodoTests ?? 0)
  return result.numPassedTests + failed === 0 ? 'ran no test' : undefined
}

function read(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return undefined
  }
}

function stop(reason) {
  console.error(`\n${reason}`)
  count.failed += 1
  process.exit(1)
}
