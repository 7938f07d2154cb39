// What docs/testing.md shows works: its tests are run as they stand, and its list of what can happen is lived through.

import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { blocksOf } from '../../support/markdown.js'

let root = join(import.meta.dirname, '../../..')

test('the code of docs/testing.md runs, and that of the README', { timeout: 120_000 }, () => {
  if (!existsSync(join(root, 'dist/testing/index.js'))) throw new Error('The library is not built: npm run build')
  let folder = mkdtempSync(join(tmpdir(), 'realtime-docs-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  mkdirSync(join(folder, 'node_modules'))
  for (let [name, place] of [
    ['realtime-stores', root],
    ['vitest', join(root, 'node_modules/vitest')]
  ] as const)
    symlinkSync(place, join(folder, 'node_modules', name), 'junction')
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')

  let blocks = blocksOf(join(root, 'docs/testing.md'))
  let named = blocks.filter(({ name }) => name !== null)
  expect(named.length).toBeGreaterThan(5)
  for (let { name, code } of named) writeFileSync(join(folder, name as string), code)

  let happening = blocks.find(({ code }) => code.includes('phone.goOffline() // pages')) as (typeof blocks)[number]
  writeFileSync(
    join(folder, 'happening.test.ts'),
    `import { createWorld } from 'realtime-stores/testing'
    import { test } from 'vitest'
    import { openApp } from './app.js'
    import { votes } from './votes.js'
    test('what can happen', async () => {
      let world = createWorld({ features: [votes] })
      let phone = world.device()
      let page = phone.page()
      openApp({ url: 'wss://example.org/', user: 'ada', ports: page.ports })
      await world.advance(1000)
      ${happening.code.replace(/^(import|declare).*$/m, '')}
    })`
  )
  let readme = blocksOf(join(root, 'README.md'))
  let votes = readme.find(({ name }) => name === 'votes.ts') as (typeof blocks)[number]
  let lines = readme.find(({ code }) => code.includes('phone.goOffline()')) as (typeof blocks)[number]
  writeFileSync(join(folder, 'readme-votes.ts'), votes.code)
  writeFileSync(
    join(folder, 'readme.test.ts'),
    `import { expect, test } from 'vitest'
    ${lines.code.replace('./votes.js', './readme-votes.js')}
    let state = await world.server.state('friday', votes)
    test('README.md', () => expect(state).toEqual({ film: { ada: 'Alien' } }))`
  )
  let { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(root, 'node_modules/vitest/vitest.mjs'), 'run', '--root', folder],
    { encoding: 'utf8', env: { ...process.env, NO_COLOR: '1', VITEST: undefined, NODE_ENV: undefined } }
  )
  expect(status, stdout + stderr).toBe(0)
  expect(stdout).toMatch(/Test Files +6 passed/)
})
