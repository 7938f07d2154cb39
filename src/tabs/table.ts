// What each tab of a device says of one matter, known to all of them. A tab that closes, crashes or is put away has said
// nothing from then on. Where tabs cannot hear each other, each is the only one. Does not know what is said.

import type { Channel, Clock, Locks, OpenChannel, Page, Random, Stop } from '../ports.js'

export interface Table<T> {
  /** Replaces what this tab says; told to the others. */
  say(value: T): void
  /** Says nothing from here on. */
  close(): void
}

export interface TablePorts<T> {
  /** The same in every tab that shall hear of it. */
  readonly name: string
  readonly clock: Clock
  readonly random: Random
  readonly locks: Locks | null
  readonly openChannel: OpenChannel | null
  readonly page: Page | null
  /**
   * What all tabs say, this one included: in the same order in every tab. First told when the others have had the time to
   * answer, then whenever something has changed.
   */
  readonly changed: (all: readonly T[]) => void
}

/** `hello` asks the others for what they say. */
interface Message<T> {
  readonly t: 'hello' | 'said'
  readonly from: string
  readonly value: T
}

/** So long the other tabs have for their answer, in milliseconds; one that is later is heard all the same. */
export const TABLE_WAIT_MS = 150

export function createTable<T>(ports: TablePorts<T>, first: T): Table<T> {
  let { name, clock, random, locks, openChannel, page, changed } = ports
  let me = random.id()
  let own = first
  let others = new Map<string, { value: T; stop: Stop }>()
  let channel: Channel | null = null
  let stopLock: Stop | null = null
  let stopWait: Stop | null = null
  let isSettled = false

  function post(t: Message<T>['t']): void {
    channel?.post({ t, from: me, value: own })
  }

  function tell(): void {
    if (!isSettled) return
    let all = [...others].map(([id, { value }]) => [id, value] as const)
    changed([...all, [me, own] as const].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, value]) => value))
  }

  function hear(message: unknown): void {
    let { t, from, value } = message as Message<T>
    if (t === 'hello') post('said')
    others.set(from, { value, stop: others.get(from)?.stop ?? watch(from) })
    tell()
  }

  /** Who sits here holds a lock: whoever gets it knows that the other is gone. */
  function watch(id: string): Stop {
    return (locks as Locks).acquire(`${name}/${id}`, { held: () => forget(id), waiting() {}, lost() {} })
  }

  function forget(id: string): void {
    others.get(id)?.stop()
    if (others.delete(id)) tell()
  }

  function sit(): void {
    if (stopWait) return
    stopWait = clock.after(locks && openChannel ? TABLE_WAIT_MS : 0, () => {
      isSettled = true
      tell()
    })
    if (!locks || !openChannel) return
    channel = openChannel(name, hear)
    stopLock = locks.acquire(`${name}/${me}`, { held: () => post('hello'), waiting() {}, lost() {} })
  }

  function rise(): void {
    channel?.close()
    channel = null
    stopLock?.()
    stopWait?.()
    stopWait = null
    isSettled = false
    for (let { stop } of others.values()) stop()
    others.clear()
  }

  sit()
  let unlisten = page?.listen(event => {
    if (event === 'hide' || event === 'freeze') rise()
    else if (event === 'show' || event === 'resume') sit()
  })
  return {
    say(value) {
      own = value
      post('said')
      tell()
    },
    close() {
      unlisten?.()
      rise()
    }
  }
}
