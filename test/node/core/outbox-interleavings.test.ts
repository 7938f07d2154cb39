// Whatever several tabs do to one outbox, in whatever order: no row is lost, none is numbered twice, and order is kept.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Row } from '../../../src/core/rows.js'
import { createVirtualClock } from '../../../src/testing/clock.js'
import { createTestDisk } from '../../../src/testing/disk.js'
import { acked, CHAIN, MANY, openLeader, openTab, rowOf, type Tab } from './outbox-world.js'

type Action =
  | { kind: 'append'; tab: number; count: number; key: string | undefined }
  | { kind: 'refresh' | 'withdraw' | 'takeOver' | 'reload'; tab: number }
  | { kind: 'claim' | 'settle'; count: number }
  | { kind: 'fork' }

let tabs = fc.integer({ min: 0, max: 2 })
let counts = fc.integer({ min: 1, max: 3 })
let actions: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 20,
    arbitrary: fc.record({
      kind: fc.constant('append' as const),
      tab: tabs,
      count: counts,
      key: fc.constantFrom(undefined, undefined, 'k')
    })
  },
  { weight: 12, arbitrary: fc.record({ kind: fc.constantFrom('claim' as const, 'settle' as const), count: counts }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constantFrom('refresh' as const, 'takeOver' as const), tab: tabs }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('withdraw' as const, 'reload' as const), tab: tabs }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'fork' as const }) }
)

interface World {
  readonly tabs: Tab[]
  leader: number
  /** Claimed and not answered, in order, by the present leader. */
  flying: Row[]
  /** Ids in the order in which they left, per life of the client. */
  left: { cid: string; row: { n: number; id: string } }[]
  readonly accepted: { id: string; key: string | undefined }[]
  readonly withdrawn: Set<string>
  /** All tabs that ever were. */
  readonly all: Tab[]
}

async function run(script: readonly Action[]): Promise<World> {
  let disk = createTestDisk()
  let clock = createVirtualClock()
  let first = await openLeader(disk, { clock })
  let tabs = [first, await openTab(disk, { clock }), await openTab(disk, { clock })]
  let world: World = { tabs, leader: 0, flying: [], left: [], accepted: [], withdrawn: new Set(), all: [...tabs] }
  let leader = (): Tab => world.tabs[world.leader] as Tab
  let take = async (max: { count: number; bytes: number }): Promise<number> => {
    let rows = await leader().outbox.claim(CHAIN, max)
    world.flying.push(...rows)
    world.left.push(...rows.map(row => ({ cid: leader().outbox.client.cid, row: { n: row.n, id: row.id } })))
    return rows.length
  }
  let takeOver = async (tab: number): Promise<void> => {
    leader().outbox.demote()
    world.leader = tab
    await leader().outbox.raiseGen()
    let chain = leader().outbox.chains.get(CHAIN)
    // As the marks of a server that got nothing: what may have left goes again.
    world.flying = chain?.rows.filter(row => row.n <= chain.claimed) ?? []
  }
  for (let action of script) {
    if (action.kind === 'append') {
      let tab = world.tabs[action.tab] as Tab
      for (let i = 0; i < action.count; i++) {
        let id = `${action.tab}-${world.accepted.length}`
        world.accepted.push({ id, key: action.key })
        tab.outbox.append(rowOf(id, action.key === undefined ? {} : { key: action.key }))
      }
      await tab.outbox.idle()
    } else if (action.kind === 'refresh') {
      let { outbox } = world.tabs[action.tab] as Tab
      await outbox.refresh()
      let fresh = await openTab(disk, { clock })
      expect(outbox.rows().map(({ id, n }) => [id, n])).toEqual(fresh.outbox.rows().map(({ id, n }) => [id, n]))
      expect([...outbox.parked.keys()]).toEqual([...fresh.outbox.parked.keys()])
    } else if (action.kind === 'withdraw') {
      let some = (row: Row): boolean => row.id.endsWith('3')
      let ids = await (world.tabs[action.tab] as Tab).outbox.withdraw(some, { kind: 'purged' })
      for (let id of ids) world.withdrawn.add(id)
    } else if (action.kind === 'claim') await take({ count: action.count, bytes: 100_000 })
    else if (action.kind === 'settle') await acked(leader(), world.flying.splice(0, action.count))
    else if (action.kind === 'takeOver') await takeOver(action.tab)
    else if (action.kind === 'reload') {
      let tab = await openTab(disk, { clock })
      world.tabs[action.tab] = tab
      world.all.push(tab)
      if (world.leader === action.tab) await takeOver(action.tab)
    } else {
      await leader().outbox.fork()
      world.flying = []
      await takeOver(world.leader)
    }
  }
  await leader().outbox.refresh()
  while ((await take(MANY)) > 0) {}
  await acked(leader(), world.flying)
  for (let tab of world.tabs) await tab.outbox.refresh()
  return world
}

test('[S17] every accepted row leaves once, or its end is told; order is kept, for any interleaving of tabs', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(actions, { minLength: 5, maxLength: 40, size: 'max' }), async script => {
      let world = await run(script)
      let parked = new Set(world.tabs.flatMap(({ outbox }) => [...outbox.parked.keys()]))
      let replaced = new Set(
        world.all.flatMap(({ gone }) => gone.filter(({ outcome }) => outcome.kind === 'replaced').map(({ id }) => id))
      )
      let left = new Map<string, number>()
      for (let { row } of world.left) left.set(row.id, (left.get(row.id) ?? 0) + 1)

      for (let { id, key } of world.accepted) {
        // Gone without having left only where somebody took it out.
        if (!left.has(id)) expect(world.withdrawn.has(id) || (key !== undefined && replaced.has(id))).toBe(true)
        // After a fork what had left is in doubt, and does not leave again.
        if (parked.has(id)) expect(left.get(id)).toBe(1)
        else if (left.has(id)) expect(left.get(id)).toBe(1)
      }
      for (let cid of new Set(world.left.map(entry => entry.cid))) {
        let numbers = world.left.filter(entry => entry.cid === cid).map(entry => entry.row.n)
        expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b))
      }
      for (let tab of [0, 1, 2]) {
        let ids = world.left.map(entry => entry.row.id).filter(id => id.startsWith(`${tab}-`))
        let order = ids.map(id => world.accepted.findIndex(entry => entry.id === id))
        expect(order).toEqual([...order].sort((a, b) => a - b))
      }
      for (let { outbox } of world.tabs) expect(outbox.stats).toMatchObject({ count: 0, bytes: 0 })
    }),
    { numRuns: 100, seed: 7 }
  )
})
