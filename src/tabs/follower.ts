// A link to the server through the tab that leads: to a supervisor it is like any other. Lost messages are noticed by their
// numbers and end the link, as they would end a socket.

import type { Connect, LinkSink, Locks, Stop, Transport } from '../ports.js'
import type { Post, TabMessage } from './messages.js'

/** As a socket that broke: whoever uses the link opens another one. */
const BROKEN = 1006

interface FollowerLink {
  readonly l: string
  readonly sink: LinkSink
  /** Whether it can be seen, by its lock, that this tab lives. */
  isReady: boolean
  /** The leader that opened it; null before. */
  leader: { readonly id: string; readonly term: number } | null
  /** Numbers of the last message down and up. */
  n: number
  u: number
  /** What had gone up when the leader was last heard of. */
  uBefore: number
  release: Stop
}

export type Follower = ReturnType<typeof createFollower>

export function createFollower({
  me,
  name,
  locks,
  post,
  transport
}: {
  me: string
  name: string
  locks: Locks
  post: Post
  /** What carries the leader's frames. */
  transport: () => Transport
}) {
  let count = 0
  let current: FollowerLink | null = null

  function end(link: FollowerLink): boolean {
    if (current !== link) return false
    current = null
    link.release()
    post({ t: 'close', l: link.l })
    return true
  }

  function breakOff(link: FollowerLink, why: string): void {
    if (end(link)) link.sink.closed(BROKEN, why)
  }

  function ask(link: FollowerLink): void {
    if (link.isReady && !link.leader) post({ t: 'open', l: link.l })
  }

  let connect: Connect = (_url, sink) => {
    if (current) end(current)
    let l = `${me}/${++count}`
    let link: FollowerLink = { l, sink, isReady: false, leader: null, n: 0, u: 0, uBefore: 0, release: () => {} }
    current = link
    // The leader waits for this lock: it gets it when the tab is gone, however that came.
    link.release = locks.acquire(linkLock(name, l), {
      held() {
        link.isReady = true
        ask(link)
      },
      waiting() {},
      lost() {}
    })
    return {
      send(text) {
        if (current !== link || !link.leader) return false
        post({ t: 'up', l, u: ++link.u, text })
        return true
      },
      close: () => void end(link),
      buffered: () => 0,
      get transport() {
        return transport()
      }
    }
  }

  return {
    connect,
    hear(from: string, m: TabMessage): void {
      let link = current
      if (!link) return
      if (m.t === 'opened' && m.l === link.l && !link.leader) {
        link.leader = { id: from, term: m.term }
        link.n = m.n
        link.sink.opened()
        return
      }
      let isMine = from === link.leader?.id && 'term' in m && m.term === link.leader.term
      if (m.t === 'beat') {
        if (!link.leader) {
          if (m.state.phase === 'online') ask(link)
          return
        }
        let got = m.links[link.l]
        if (!isMine) breakOff(link, 'Another tab leads now.')
        else if (got === undefined || got < link.uBefore || m.n > link.n) breakOff(link, 'A message was lost.')
        link.uBefore = link.u
      } else if (m.t === 'down' && isMine) {
        if (m.n > link.n + 1) breakOff(link, 'A message was lost.')
        if (m.n !== link.n + 1) return
        link.n = m.n
        if (m.to === undefined ? m.not !== link.l : m.to === link.l) link.sink.message(m.text)
      } else if (m.t === 'shut' && isMine && (m.l === undefined || m.l === link.l)) {
        breakOff(link, 'The leading tab has no connection.')
      }
    }
  }
}

/** The lock that a tab holds for as long as it has a link. */
export function linkLock(name: string, l: string): string {
  return `${name}/link/${l}`
}
