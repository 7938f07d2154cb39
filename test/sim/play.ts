// What each step does in the world, and what may become true by it that would be a crime otherwise.

import type { ChainRecord } from '../../src/core/rows.js'
import type { TestDisk } from '../../src/testing/disk.js'
import type { Backup } from '../../src/testing/storage.js'
import { journals } from './journal.js'
import { type Handle, isOnline, NO_SPACE, type Place, type Sitting, type Stage } from './stage.js'
import type { Step } from './steps.js'

/** Most clones that a run makes, the originals included. */
const MOST_PLACES = 5

type Of<D extends Step['do']> = Extract<Step, { do: D }>
type InTab = Exclude<Extract<Step, { t: number }>, { do: 'open' }>
type OnDevice = Exclude<Extract<Step, { d: number }>, { t: number }>
type OnServer = Exclude<Step, { d: number }>
type Plays<S extends Step, A extends unknown[]> = { readonly [D in S['do']]: (step: Of<D>, ...args: A) => void }

export function createPlay(stage: Stage): (step: Step) => void {
  let { world, witness, places, server: state } = stage
  let { clock, server } = world
  let { storage } = server
  let backup: Backup | null = null

  // --- in a tab ---

  let inTab: Plays<InTab, [sitting: Sitting, place: Place]> = {
    enter: ({ r }, sitting) => stage.enter(sitting, r),
    leave({ r }, { rooms }) {
      rooms.get(r)?.leave()
      rooms.delete(r)
    },
    send,
    discard({ index }, { tab }) {
      let row = tab.client.pending.get()[index]
      if (!row) return
      void tab.client.pending.discard(row.id).then(
        isGone => isGone && witness.purged(row.id),
        () => {}
      )
    },
    retry({ index }, { tab }) {
      let parked = [...tab.client.rejected.get(), ...tab.client.unknown.get()][index]
      let action = parked && witness.actions.get(parked.row.id)
      if (!parked || !action) return
      Object.assign(action, { denied: null, isRejected: false, isShared: true })
      void tab.client[parked.kind].retry(parked.row.id).catch(() => {})
    },
    disconnect({ purge }, { tab }) {
      for (let { id } of purge ? tab.client.pending.get() : []) {
        let action = witness.actions.get(id)
        if (action) action.excuse ??= 'purged'
      }
      void tab.client.disconnect({ pending: purge ? 'purge' : 'keep' }).catch(() => {})
    },
    connect: (_, { tab }) => tab.client.connect(),
    probe: (_, { tab }) => tab.client.probe(),
    close: (_, { tab }) => stage.begin(tab.close()),
    crash: (_, { tab }) => tab.crash(),
    freeze: (_, { tab }) => tab.freeze(),
    'freeze silently': (_, { tab }) => tab.freeze('silently'),
    hide(_, sitting) {
      sitting.isHidden = true
      sitting.tab.hide()
    },
    thaw: (_, sitting) => stage.thaw(sitting),
    show: (_, sitting) => stage.thaw(sitting)
  }

  function send({ r, kind, text, count }: Of<'send'>, { name, tab, rooms }: Sitting, { family }: Place): void {
    let shown = rooms.get(r)
    if (!shown) return
    let room = `r${r}`
    for (let i = 0; i < count; i++) {
      let side = (r + i) % 2
      let feature = journals[side]?.name as string
      let receipt = (shown.handles[side] as Handle)[kind](text)
      let chain = `${name} ${room} ${kind === 'urgent' ? 'critical' : 'normal'}`
      let action = witness.act({ family, chain, room, feature, kind, text }, receipt, () => isOnline(tab), hasLeft)
      if (tab.client.$connection.get().durability === 'memory') action.isShared = true
      if (kind === 'title') witness.replacedBy(action)
    }
  }

  function hasLeft(id: string): boolean {
    return stage.places.some(({ device }) => device.network.sent.some(frame => frame.f === 'push' && frame.id === id))
  }

  // --- on a device ---

  let onDevice: Plays<OnDevice, [place: Place]> = {
    cut: ({ late }, { device }) => device.network.cut(late),
    drop: (_, { device }) => device.network.drop(),
    'half-open': (_, { device }) => device.network.halfOpen(),
    refuse(_, { device }) {
      device.network.down = 'refused'
      device.network.drop()
    },
    silence(_, { device }) {
      device.network.silent = true
    },
    swallow({ count }, { device }) {
      let left = count
      // Only what a server may leave out for a slow peer.
      device.network.tamper = text => {
        let frames = JSON.parse(text) as { f: string }[]
        let rest = frames.filter(({ f }) => f !== 'event')
        if (rest.length === frames.length || left-- <= 0) return text
        return rest.length ? JSON.stringify(rest) : null
      }
    },
    network({ latency, jitter, bytesPerSecond }, { device }) {
      Object.assign(device.network, { latency, jitter, bytesPerSecond: bytesPerSecond || Infinity })
    },
    'heal network': (_, { device }) => device.network.heal(),
    'lose tab messages'(_, { device }) {
      device.channels.lost = () => true
    },
    'keep tab messages'(_, { device }) {
      device.channels.lost = () => false
    },
    'disk fails'(_, { device }) {
      witness.doubtAll()
      for (let disk of device.disks.values()) disk.broken = NO_SPACE
    },
    'disk works': (_, place) => stage.repair(place),
    'disk hangs'(_, { device, releases }) {
      for (let disk of device.disks.values()) releases.push(disk.hold())
    },
    'disk closes'(_, { device }) {
      for (let disk of device.disks.values()) disk.lose('closed')
    },
    'power cut': (_, place) => stage.begin(powerCut(place)),
    wipe(_, place) {
      stage.share(place)
      stage.excuse(place, 'the disk was wiped')
      stage.begin(place.device.wipe())
    },
    clone(_, place) {
      if (places.length < MOST_PLACES && place.releases.length === 0) stage.begin(clone(place))
    },
    'backup disk'(_, place) {
      if (place.releases.length === 0) stage.begin(backUp(place))
    },
    'restore disk'(_, place) {
      if (!place.backup || place.releases.length > 0) return
      stage.share(place)
      stage.excuse(place, 'an older disk came back')
      for (let tab of place.device.tabs) tab.crash()
      for (let [name, copy] of place.backup) stage.begin((place.device.disks.get(name) as TestDisk).restore(copy))
    }
  }

  async function clone(place: Place): Promise<void> {
    stage.share(place)
    let device = await place.device.clone()
    stage.share(place)
    let other = stage.addPlace(device, place.family)
    stage.watchDisks(other)
    stage.open(other, 0, [0, 1])
  }

  async function backUp(place: Place): Promise<void> {
    let copies = new Map<string, TestDisk>()
    for (let [name, disk] of place.device.disks) copies.set(name, await disk.copy())
    place.backup = copies
  }

  /** What was not surely written is gone; where a counter went back with it, the client must fork. */
  async function powerCut(place: Place): Promise<void> {
    for (let tab of place.device.tabs) tab.crash()
    for (let disk of place.device.disks.values()) {
      let before = await disk.entries()
      await disk.powerCut()
      let after = await disk.entries()
      if (numbersOf(before, 'n') !== numbersOf(after, 'n')) stage.share(place)
      if (numbersOf(before, 'claimed') !== numbersOf(after, 'claimed')) {
        witness.doubtAll()
        for (let action of stage.actionsOf(place)) action.mayFork = true
      }
      for (let action of stage.actionsOf(place)) {
        if (!holds(before, action.id) || holds(after, action.id) || action.commits > 0) continue
        if (action.isOffline) witness.report('lost', `${action.id} was stored without a connection, and not surely`)
        action.excuse ??= 'the power failed'
      }
    }
  }

  // --- on the server ---

  let onServer: Plays<OnServer, []> = {
    restart({ lose }) {
      if (state.isRestarting) return
      if (lose) forget()
      state.isRestarting = true
      stage.begin(
        server.restart(lose ? { lose } : {}).finally(() => {
          state.isRestarting = false
        })
      )
    },
    'server crash'() {
      if (!state.isRestarting) server.crash()
    },
    'server start'() {
      if (!state.isRestarting) server.start()
    },
    'server backup'() {
      backup = storage.backup()
    },
    'server restore'() {
      if (!backup) return
      forget()
      storage.restore(backup)
      witness.restored(backup)
    },
    lose({ lose, r }) {
      forget()
      storage.lose(lose, r === undefined ? undefined : `r${r}`)
    },
    storage({ slow }) {
      state.slow = slow
    },
    'storage fails'() {
      storage.broken = new Error('the disk of the server is full')
    },
    'storage works'() {
      storage.broken = null
    },
    busy() {
      state.isBusy = true
    },
    'not busy'() {
      state.isBusy = false
    },
    shut({ r }) {
      witness.doubtAll()
      state.refusedSomebody = true
      state.shut.add(`r${r}`)
    },
    mute: ({ r }) => void state.muted.add(`r${r}`),
    reopen({ r }) {
      state.shut.delete(`r${r}`)
      state.muted.delete(`r${r}`)
    },
    sleep: ({ ms }) => clock.sleep(ms),
    'set clock': ({ ms }) => clock.shiftWall(ms),
    wait() {},
    'be sure': () => witness.doubtNothing()
  }

  function forget(): void {
    witness.doubtAll()
    state.lostSomething = true
  }

  return step => {
    if (!('d' in step)) return call(onServer, step)
    let place = stage.placeOf(step.d)
    if (!place) return
    if (!('t' in step)) return call(onDevice, step, place)
    let sitting = place.tabs.get(step.t)
    if (step.do === 'open') {
      if (!sitting) stage.open(place, step.t, step.rooms)
      return
    }
    // Nothing is called in a page that does not run; but it can come to life again, or end.
    let isOutside = ['thaw', 'show', 'crash'].includes(step.do)
    if (sitting && (isOutside || sitting.tab.life.state === 'running')) call(inTab, step, sitting, place)
  }
}

function call<S extends Step, A extends unknown[]>(plays: Plays<S, A>, step: S, ...args: A): void {
  let play = plays[step.do as S['do']] as unknown as (step: S, ...args: A) => void
  play(step, ...args)
}

/** The last number of every chain on a disk, or the last that may have left. */
function numbersOf(entries: ReadonlyMap<string, unknown>, which: 'n' | 'claimed'): string {
  let chains = [...entries].filter(([key]) => key.startsWith('chain\u0000'))
  return JSON.stringify(chains.map(([key, record]) => [key, (record as ChainRecord)[which]]))
}

function holds(entries: ReadonlyMap<string, unknown>, id: string): boolean {
  for (let [key, value] of entries) if (key.startsWith('rows\u0000') && String(value).includes(`"${id}"`)) return true
  return false
}
