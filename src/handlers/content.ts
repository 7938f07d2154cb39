// Delivers content: hands it to the app's code with retries, puts it into the recipient's inbox, and carries back what devices
// and people say of it. Every step has one effect, however often a restart makes it be tried.

import { RealtimeError } from '../errors.js'
import type { AnyFeature } from '../feature.js'
import { agenda } from '../features/agenda.js'
import { type ContentPreview, type ContentState, content, type Delivery, isOver, isReady } from '../features/content.js'
import { mayFollow } from '../features/content-delivery.js'
import type { Content } from '../features/content-events.js'
import { contentInbox, type InboxItem } from '../features/content-inbox.js'
import type { Report, Stop } from '../ports.js'
import type { Hub } from '../server/hub.js'
import { createQueues } from './parts/queues.js'
import { shortKey } from './parts/short-key.js'

/** What the hub must run for this handler. */
export const contentFeatures: readonly AnyFeature[] = [content, contentInbox, agenda]

const BY = { by: 'server' }
/** Which rooms have deliveries or previews under way. */
const AGENDA = 'server:content'

/** One attempt at a delivery. */
export interface DeliveryJob extends Content {
  readonly room: string
  /** The delivery's id. The same one may be handed over again when the server was killed in the midst of it. */
  readonly id: string
  readonly recipient: string
  readonly by: string
  /** Counts from 1. */
  readonly attempt: number
}

export interface PreviewJob {
  readonly room: string
  readonly id: string
  readonly template: string
  readonly data: Readonly<Record<string, string>>
  readonly by: string
}

export interface ContentOptions {
  readonly hub: Hub
  /**
   * The app's own part of a delivery: may write the content that the recipient gets (nothing: as it was triggered), and throws
   * when it cannot be done now. Default: nothing is added. A `RealtimeError` that is not retryable is final.
   */
  // biome-ignore lint/suspicious/noConfusingVoidType: a function that returns nothing is one that adds nothing.
  readonly deliver?: (job: DeliveryJob) => Promise<Partial<Content> | void>
  /** Makes a preview. Without it, previews are answered with the error `no-preview`. */
  readonly preview?: (job: PreviewJob) => Promise<Partial<Content> & Pick<Content, 'title'>>
  /** Attempts until a delivery is given up; default 5. */
  readonly attempts?: number
  /** Milliseconds before the second attempt, and at most before any: default 1,000 and 60,000; they double in between. */
  readonly backOff?: readonly [first: number, longest: number]
  /** Milliseconds that `deliver` and `preview` may take; default 30,000. */
  readonly timeout?: number
  /** Milliseconds until what no device has fetched is given up; default a week. */
  readonly receiveWithin?: number
  readonly report?: Report
}

export interface ContentDelivery {
  /** Sets content on its way as a member of the room would. Resolves to the delivery's id; with `key`, the second call is the same. */
  trigger(
    room: string,
    recipient: string,
    content: Partial<Content> & Pick<Content, 'title'>,
    options: { readonly by: string; readonly key?: string }
  ): Promise<string>
  close: Stop
}

/** Milliseconds before the next attempt, after `failed` ones: doubled each time, and up to half of it left out by chance. */
export function backOff(failed: number, [first, longest]: readonly [number, number], chance: number): number {
  return Math.min(longest, first * 2 ** Math.max(0, failed - 1)) * (1 - chance / 2)
}

/**
 * Starts delivering on a hub that runs `contentFeatures`, and goes on with what an earlier process left undone. One process
 * per storage: two would both call `deliver`, though neither inbox nor stage would double.
 *
 * ```ts
 * createContentDelivery({ hub, deliver: async job => ({ body: await render(job) }), preview: async job => render(job) })
 * ```
 */
export function createContentDelivery(options: ContentOptions): ContentDelivery {
  let { hub, deliver = async () => {}, preview, attempts: most = 5, report = () => {} } = options
  let { backOff: pause = [1000, 60_000], timeout = 30_000, receiveWithin = 7 * 86_400_000 } = options
  let { clock, random } = hub
  let queues = createQueues(error => report('error', 'content-failed', { error }))
  let timers = new Map<string, Stop>()
  let underWay = new Set<string>()
  /** Rooms of which the agenda knows. */
  let known = new Set<string>()
  let isClosed = false

  /** What the app's code says, or that it took too long. */
  function within<T>(work: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      let stop = clock.after(timeout, () => reject(new RealtimeError('timeout', 'it took too long')))
      // A mistake in the app's code counts like any other failure.
      Promise.resolve().then(work).then(resolve, reject).finally(stop)
    })
  }

  /** One at a time for each subject; then the room is looked at again. */
  function once(room: string, subject: string, work: () => Promise<void>): void {
    if (underWay.has(subject)) return
    underWay.add(subject)
    work().then(
      () => {
        underWay.delete(subject)
        queues.start(room, () => review(room))
      },
      error => {
        underWay.delete(subject)
        if (isClosed) return
        report('error', 'content-failed', { room, error })
        // What came of it could not be stored.
        if (!timers.has(room)) wake(room, pause[1])
      }
    )
  }

  function wake(room: string, ms: number): void {
    timers.get(room)?.()
    // Timers of Node hold at most 2^31 − 1 milliseconds.
    timers.set(
      room,
      clock.after(Math.min(ms, 2 ** 31 - 1), () => queues.start(room, () => review(room)))
    )
  }

  async function attempt(room: string, delivery: Delivery): Promise<void> {
    let { id, recipient, title, body, data, by, attempts, attemptsBefore } = delivery
    let step = attempts + 1
    // Tried again by hand, it may have been pushed out of the inbox in between.
    let series = attemptsBefore > 0 ? [attemptsBefore] : []
    let made: Partial<Content>
    try {
      made = (await within(() => deliver({ room, id, recipient, title, body, data, by, attempt: step }))) ?? {}
      if (isClosed) return
      let item = shortKey('d', room, id)
      let arrived = { id: item, room, delivery: id, title, body, data, ...made }
      let inbox = hub.room(`user:${recipient}`)
      await inbox.push(contentInbox, 'content:arrived', arrived, { ...BY, key: shortKey('d', room, id, ...series) })
    } catch (error) {
      if (isClosed) return
      let isFinal = error instanceof RealtimeError && !error.retryable && error.code !== 'storage'
      let tried = step - attemptsBefore
      let nextAt = isFinal || tried >= most ? null : clock.now() + backOff(tried, pause, random.float())
      let failed = { id, error: textOf(error), nextAt }
      await hub.room(room).push(content, 'content:error', failed, { ...BY, key: shortKey('e', id, step) })
      return
    }
    await hub.room(room).push(content, 'content:sent', { id }, { ...BY, key: shortKey('s', id, step) })
  }

  async function makePreview(room: string, { id, template, data, by }: ContentPreview): Promise<void> {
    let answer: { result: Content | null; error: string | null }
    try {
      if (!preview) throw new RealtimeError('no-preview', 'this server makes no previews')
      let make = preview
      let { title, body = '', data: more = {} } = await within(() => make({ room, id, template, data, by }))
      answer = { result: { title, body, data: more }, error: null }
    } catch (error) {
      answer = { result: null, error: textOf(error) }
    }
    if (isClosed) return
    let push = (data: typeof answer) =>
      hub.room(room).push(content, 'content:preview', { id, ...data }, { ...BY, key: shortKey('v', id) })
    await push(answer).catch(error => {
      if ((error as RealtimeError).code !== 'bad-argument') throw error
      // The app made something that is no content.
      return push({ result: null, error: textOf(error) })
    })
  }

  /** Does what is due in a room, and comes back when the next thing is. */
  async function review(room: string): Promise<void> {
    timers.get(room)?.()
    timers.delete(room)
    let { deliveries, previews } = await hub.room(room).state(content)
    let now = clock.now()
    let next = Infinity
    for (let delivery of deliveries) {
      let { id, stage, nextAt } = delivery
      if (stage === 'queued') {
        if (nextAt !== null && nextAt > now) next = Math.min(next, nextAt)
        else once(room, shortKey('d', room, id), () => attempt(room, delivery))
      } else if (stage === 'sent') {
        let due = (delivery.timeline.at(-1)?.at ?? now) + receiveWithin
        if (due > now) next = Math.min(next, due)
        else {
          let failed = { id, error: 'not-received', nextAt: null }
          await hub
            .room(room)
            .push(content, 'content:error', failed, { ...BY, key: shortKey('x', id, delivery.attempts) })
        }
      }
    }
    for (let item of previews)
      if (!isReady(item)) once(room, shortKey('p', room, item.id), () => makePreview(room, item))
    if (next < Infinity) wake(room, next - now)
    await note(room, deliveries.some(item => !isOver(item)) || previews.some(item => !isReady(item)))
  }

  async function note(room: string, isOpen: boolean): Promise<void> {
    if (isOpen === known.has(room)) return
    if (isOpen) known.add(room)
    else known.delete(room)
    let push = (type: string, data: unknown) => hub.room(AGENDA).push(agenda, type, data, BY)
    await (isOpen ? push('taken', { id: room, due: clock.now() }) : push('ended', { id: room }))
  }

  /** Tells those who sent it what has become of one content in an inbox. */
  async function carryBack(user: string, item: InboxItem): Promise<void> {
    let { id, room, delivery, told, feedback } = item
    let sender = hub.room(room)
    let say = (what: 'delivered' | 'confirmed' | 'feedback', more = {}) =>
      hub.room(`user:${user}`).push(contentInbox, 'content:told', { id, what, ...more }, BY)
    let stageNow = async () => (await sender.state(content)).deliveries.find(other => other.id === delivery)?.stage
    // That it was put into the inbox is not noted yet: it will be, and this is done then.
    if ((await stageNow()) === 'queued') return
    async function pass(what: 'delivered' | 'confirmed', since: number | null): Promise<void> {
      if (since === null || told.includes(what)) return
      let stage = await stageNow()
      let key = shortKey(what === 'delivered' ? 'r' : 'c', delivery)
      if (stage && mayFollow(stage, what))
        await sender.push(content, `content:${what}`, { id: delivery }, { ...BY, key })
      await say(what)
    }
    await pass('delivered', item.receivedAt)
    await pass('confirmed', item.confirmedAt)
    if (!feedback || told.includes('feedback')) return
    await sender.push(content, 'content:feedback', { id: delivery, ...feedback }, { by: user })
    await say('feedback', { feedback })
  }

  function carry(room: string, items: readonly InboxItem[]): void {
    if (!room.startsWith('user:')) return
    let user = room.slice('user:'.length)
    for (let { id, receivedAt, confirmedAt, feedback, told } of items) {
      let due = [receivedAt && 'delivered', confirmedAt && 'confirmed', feedback && 'feedback']
      if (!due.some(what => what && !told.includes(what as 'delivered'))) continue
      queues.start(`user:${user}`, async () => {
        let { items } = await hub.room(room).state(contentInbox)
        let item = items.find(item => item.id === id)
        if (item) await carryBack(user, item)
      })
    }
  }

  /** What was handed over is asked for in the inbox, for its answer may have come first. */
  async function ask({ recipient }: Delivery): Promise<void> {
    carry(`user:${recipient}`, (await hub.room(`user:${recipient}`).state(contentInbox)).items)
  }

  function followed(room: string, state: ContentState, sent: readonly string[] | null): void {
    queues.start(room, () => review(room))
    for (let delivery of state.deliveries)
      if (delivery.stage === 'sent' && (sent?.includes(delivery.id) ?? true)) queues.start(room, () => ask(delivery))
  }

  let stops = [
    hub.watch(content, ({ room, state, events }) => {
      let sent = events.filter(({ type }) => type === 'content:sent').map(({ data }) => (data as { id: string }).id)
      followed(room, state, events.length === 0 ? null : sent)
    }),
    hub.watch(contentInbox, ({ room, state }) => carry(room, state.items))
  ]
  // Reading a room brings it into memory, and that is told to whoever watches.
  queues.start(AGENDA, async () => {
    let { entries } = await hub.room(AGENDA).state(agenda)
    for (let room of Object.keys(entries)) {
      known.add(room)
      queues.start(room, () => review(room))
    }
  })

  return {
    async trigger(room, recipient, { title, body = '', data = {} }, { by, key }) {
      let wanted = { recipient, title, body, data }
      let named = key === undefined ? {} : { key: shortKey('t', key) }
      let { id } = await hub.room(room).push(content, 'content:trigger', wanted, { by, ...named })
      let isTaken = (await hub.room(room).state(content)).deliveries.some(item => item.id === id)
      if (!isTaken && key === undefined)
        throw new RealtimeError('busy', `the room «${room}» has as many open deliveries as it keeps`)
      return id
    },
    close() {
      isClosed = true
      for (let stop of stops) stop()
      for (let stop of timers.values()) stop()
      timers.clear()
      queues.close()
    }
  }
}

/** Why something failed, in at most 200 characters: a code where there is one. */
function textOf(error: unknown): string {
  let text = error instanceof RealtimeError ? error.code : error instanceof Error ? error.message : String(error)
  return text.slice(0, 200) || 'failed'
}
