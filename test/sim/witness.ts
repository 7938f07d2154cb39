// Sees everything that happens in a world and knows what must hold: what the log says, what receipts said, what was painted and
// what was kept. Reports the first thing that cannot be true.

import type { RealtimeError } from '../../src/errors.js'
import type { Receipt } from '../../src/feature.js'
import type { Commit } from '../../src/server/storage.js'
import type { Backup, TestStorage } from '../../src/testing/storage.js'

/** What kind of promise was broken. */
export type Crime =
  | 'lost'
  | 'doubled'
  | 'order'
  | 'receipt'
  | 'gap'
  | 'stuck'
  | 'diverged'
  | 'flicker'
  | 'ticks'
  | 'storm'
  | 'herd'
  | 'error'

export interface Action {
  readonly id: string
  /** Counts all actions of the world. */
  readonly seq: number
  /** The device, and every clone of it. */
  readonly family: number
  /** The tab in which it was called, and its lane: order is promised in there. */
  readonly chain: string
  readonly room: string
  readonly feature: string
  readonly kind: string
  readonly text: string
  isStored: boolean
  /** Called without a connection, so that it was stored surely. */
  isOffline: boolean
  /** How often it entered a log, over all lives of the log. */
  commits: number
  /** Told that it never took effect. */
  denied: string | null
  isUnknown: boolean
  isAcked: boolean
  /** Refused by the server; kept until the person decides. */
  isRejected: boolean
  /** Its row exists in two places, or was asked for twice: more than one outcome may be told. */
  isShared: boolean
  /** A power cut took back what was known of its chain: the client may fork. */
  mayFork: boolean
  /** Why it may be gone without a trace. */
  excuse: string | null
}

interface LogEvent {
  readonly id: string
  readonly feature: string
}

interface Life {
  readonly events: LogEvent[]
  readonly ids: Set<string>
  /** The last number of each client and lane. */
  readonly numbers: Map<string, number>
  /** The last number of each chain that was answered here. */
  readonly answered: Map<string, number>
  /** The last action of each tab's chain. */
  readonly chains: Map<string, Action>
}

export type Witness = ReturnType<typeof createWitness>

export function createWitness(storage: TestStorage) {
  let crimes: { crime: Crime; what: string }[] = []
  let actions = new Map<string, Action>()
  let lives = new Map<string, Map<string, Life>>()
  /** Something happened after which nobody can know what became of an action. */
  let mayBeUnknown = false

  function report(crime: Crime, what: string): void {
    crimes.push({ crime, what })
  }

  function lifeOf(room: string, epoch: string): Life {
    let ofRoom = lives.get(room) ?? new Map<string, Life>()
    lives.set(room, ofRoom)
    let life = ofRoom.get(epoch) ?? {
      events: [],
      ids: new Set(),
      numbers: new Map(),
      answered: new Map(),
      chains: new Map()
    }
    ofRoom.set(epoch, life)
    return life
  }

  /** An id that the log has took effect, whatever is asked of it later. */
  function lookForFalseRefusals(room: string, life: Life, clients: Commit['clients']): void {
    for (let [client, { lanes }] of clients) {
      for (let [lane, { n, id, answers }] of Object.entries(lanes)) {
        let answer = answers.at(-1)
        let key = `${client} ${lane}`
        if ((life.answered.get(key) ?? 0) >= n) continue
        life.answered.set(key, n)
        if (answer?.[0] === n && !answer[2].ok && life.ids.has(id))
          report('receipt', `${id} is refused as number ${n} of ${client} in ${room}, where it took effect`)
      }
    }
  }

  storage.committed = (room: string, { epoch, events, clients }: Commit) => {
    let life = lifeOf(room, epoch)
    lookForFalseRefusals(room, life, clients)
    for (let { id, feature, offset, cid, op } of events) {
      let where = `${id} at ${room} ${offset}`
      if (life.ids.has(id)) report('doubled', where)
      if (offset !== life.events.length + 1) report('gap', `offset ${offset} after ${life.events.length} in ${room}`)
      life.ids.add(id)
      life.events.push({ id, feature })
      let client = `${cid} ${op?.[0]}`
      let n = op?.[1] ?? 0
      if (n <= (life.numbers.get(client) ?? 0))
        report('order', `${where} has number ${n} after ${life.numbers.get(client)}`)
      life.numbers.set(client, n)
      let action = actions.get(id)
      if (!action) {
        report('error', `nobody sent ${where}`)
        continue
      }
      action.commits++
      let before = life.chains.get(action.chain)
      let isFree = (one: Action): boolean => one.isUnknown || one.isShared
      if (before && before.seq > action.seq && !isFree(before) && !isFree(action))
        report('order', `${where} behind ${before.id}, which was called later`)
      if (!before || before.seq < action.seq) life.chains.set(action.chain, action)
      if (action.denied && !action.isShared) report('receipt', `${where} took effect, but was told «${action.denied}»`)
    }
  }

  const ENDS = new Set(['expired', 'replaced', 'purged', 'storage', 'left', 'outbox-full'])

  /** Told that the action did not and will not take effect. */
  function deny(action: Action, code: string): void {
    action.denied = code
    action.isRejected = !ENDS.has(code)
    if (action.commits > 0 && !action.isShared) report('receipt', `${action.id} took effect, but is told «${code}»`)
  }

  function doubt(action: Action): void {
    action.isUnknown = true
    if (action.isAcked && !action.isShared && !action.mayFork)
      report('receipt', `${action.id} is told acked, and then unknown`)
    if (!mayBeUnknown && !action.isShared) report('receipt', `${action.id} is told unknown without need`)
  }

  function failed(action: Action, { code }: RealtimeError): void {
    if (code === 'unknown') doubt(action)
    else if (code !== 'closed') deny(action, code)
  }

  function watch(action: Action, receipt: Receipt, isOnline: () => boolean, hasLeft: (id: string) => boolean): void {
    let { id } = action
    receipt.sent.then(
      () => {
        if (!hasLeft(id)) report('receipt', `${id} is told sent, and never left`)
      },
      () => {}
    )
    receipt.visible.then(
      () => {
        if (action.commits === 0) report('receipt', `${id} is told visible without effect`)
      },
      () => {}
    )
    receipt.stored.then(
      () => {
        action.isStored = true
        action.isOffline &&= !isOnline()
      },
      () => {}
    )
    receipt.acked.then(
      () => {
        action.isAcked = true
        if (action.commits === 0) report('receipt', `${action.id} is told acked without effect`)
      },
      error => failed(action, error)
    )
  }

  return {
    crimes,
    actions,
    report,
    /** From here on, outcomes may be unknown. */
    doubtAll(): void {
      mayBeUnknown = true
    },
    doubtNothing(): void {
      mayBeUnknown = false
    },
    act(
      parts: Pick<Action, 'family' | 'chain' | 'room' | 'feature' | 'kind' | 'text'>,
      receipt: Receipt,
      isOnline: () => boolean,
      hasLeft: (id: string) => boolean
    ): Action {
      let action: Action = {
        ...parts,
        id: receipt.id,
        seq: actions.size,
        isStored: false,
        commits: 0,
        denied: null,
        isUnknown: false,
        isAcked: false,
        isRejected: false,
        isOffline: !isOnline(),
        isShared: false,
        mayFork: false,
        excuse: null
      }
      actions.set(action.id, action)
      watch(action, receipt, isOnline, hasLeft)
      return action
    },
    /** A newer one may take the place of those before it, and their tab may not live to tell. */
    replacedBy(action: Action): void {
      let { seq, kind, text, family, room, feature } = action
      for (let other of actions.values()) {
        let isAlike = other.kind === kind && other.text === text && other.feature === feature
        if (isAlike && other.seq < seq && other.family === family && other.room === room) other.excuse ??= 'replaced'
      }
    },
    /** Every accepted action took effect, or its end was told, or it waits for a decision in `parked`. */
    judge(parked: ReadonlySet<string>): void {
      for (let action of actions.values()) {
        let { id, commits, denied, excuse } = action
        if (commits === 0 && !denied && !parked.has(id) && !excuse)
          report('lost', `${id} (${action.kind} in ${action.room}) left no trace`)
        if (action.isRejected && !parked.has(id) && !action.isShared && !excuse)
          report('lost', `${id} was refused, and is kept nowhere`)
        if (action.isAcked && commits === 0) report('receipt', `${id} was acked without effect`)
      }
    },
    /** The person took it back, as the library says. */
    purged(id: string): void {
      let action = actions.get(id)
      if (action) deny(action, 'purged')
    },
    /** The server's backup is back: each room goes on from there in a new life. */
    restored(backup: Backup): void {
      for (let [room, { epoch, offset }] of backup) {
        let now = storage.rooms.get(room)?.epoch as string
        let life = lifeOf(room, now)
        for (let event of lifeOf(room, epoch).events.slice(0, offset)) {
          life.events.push(event)
          life.ids.add(event.id)
        }
      }
    },
    /** What a disk was given to keep. */
    kept(puts: ReadonlyMap<string, unknown>): void {
      for (let [key, value] of puts) {
        let [kind, name] = key.split('\u0000') as [string, string]
        if (kind === 'parked') {
          let parked = value as { kind: string; code: string; row: { id: string } }
          let action = actions.get(parked.row.id)
          if (action && parked.kind === 'unknown') doubt(action)
          else if (action) deny(action, parked.code)
        }
        if (kind !== 'room') continue
        let saved = value as { epoch: string; offset: number; states: Record<string, { state: { applied: string[] } }> }
        let events = lives.get(name)?.get(saved.epoch)?.events ?? []
        if (saved.offset > events.length) report('gap', `${name} is kept at ${saved.offset} of ${events.length}`)
        for (let [feature, { state }] of Object.entries(saved.states)) {
          let want = events.slice(0, saved.offset).filter(event => event.feature === feature)
          if (state.applied.join() !== want.map(event => event.id).join())
            report('gap', `${name} is kept with another ${feature} than its position ${saved.offset} has`)
        }
      }
    },
    /** A painted state must be some life's log up to some point, and then own actions only, each once. */
    painted(where: string, room: string, feature: string, applied: readonly string[], family: number): void {
      let twice = applied.find((id, i) => applied.indexOf(id) < i && !actions.get(id)?.isShared)
      if (twice) report('doubled', `${where} paints ${twice} twice: ${applied}`)
      let longest = 0
      for (let { events } of lives.get(room)?.values() ?? []) {
        let i = 0
        for (let event of events) {
          if (event.feature !== feature) continue
          if (event.id !== applied[i]) break
          i++
        }
        longest = Math.max(longest, i)
      }
      let alien = applied.slice(longest).find(id => actions.get(id)?.family !== family)
      if (alien) report('gap', `${where} paints ${alien} where the log has something else`)
    },
    /** What the server holds of a feature now. */
    confirmed(room: string, feature: string): string[] {
      let epoch = storage.rooms.get(room)?.epoch
      let events = epoch === undefined ? [] : lifeOf(room, epoch).events
      return events.filter(event => event.feature === feature).map(event => event.id)
    }
  }
}
