// What goes out to one connection: everything of one turn as one message, split where it grows too large. Tells when the
// peer is too slow. Knows nothing of what the frames mean.

import type { Clock, Stop } from '../ports.js'
import { byteLength, encodeFrame, joinFrames } from '../protocol/codec.js'
import type { DownFrame } from '../protocol/frames.js'
import type { Counts } from './counts.js'

/** What a transport knows of whoever connects; all of it is said by the other side or its proxies. */
export interface PeerInfo {
  readonly ip?: string | undefined
  readonly userAgent?: string | undefined
  readonly origin?: string | undefined
  readonly cookie?: string | undefined
}

/** The server's side of one open connection. */
export interface Peer {
  /** Handed to `authenticate`. */
  readonly info?: PeerInfo
  send(text: string): void
  close(code: number, reason: string): void
  /** Bytes handed over and not yet on the network. */
  buffered(): number
}

export interface Writer {
  frame(frame: DownFrame): void
  /** An encoded frame, so that one broadcast is written once for all. */
  encoded(frame: string): void
  /** Whether so much is waiting that nothing optional should be added. */
  slow(): boolean
  /** Calls once when the peer has caught up. */
  whenDrained(call: () => void): void
  /** Sends what is collected now. */
  flush(): void
  /** Drops what is collected and sends nothing more. */
  close(): void
}

const DRAIN_CHECK = 100

export function createWriter(
  peer: Peer,
  clock: Clock,
  limits: { readonly max: number; readonly highWater: number },
  counts: Counts
): Writer {
  let open = true
  let collected: string[] = []
  let bytes = 0
  let stopFlush: Stop | null = null
  let waiting: (() => void)[] = []
  let stopCheck: Stop | null = null

  function encoded(frame: string): void {
    if (!open) return
    collected.push(frame)
    bytes += frame.length
    stopFlush ??= clock.soon(flush)
  }

  function send(text: string): void {
    counts.bytesOut += text.length
    peer.send(text)
  }

  function flush() {
    stopFlush?.()
    stopFlush = null
    if (!open || collected.length === 0) return
    let frames = collected
    counts.framesOut += frames.length
    // No text takes more than three bytes to a character, so what is surely small enough is not counted.
    let small = bytes * 3 + frames.length + 2 <= limits.max
    collected = []
    bytes = 0
    if (small) return send(joinFrames(frames))
    let from = 0
    let size = 2
    for (let i = 0; i < frames.length; i++) {
      let length = byteLength(frames[i] as string) + 1
      if (i > from && size + length > limits.max) {
        send(joinFrames(frames.slice(from, i)))
        from = i
        size = 2
      }
      size += length
    }
    send(joinFrames(frames.slice(from)))
  }

  function checkDrained(): void {
    stopCheck = null
    if (!open) return
    if (peer.buffered() > limits.highWater / 2) {
      stopCheck = clock.after(DRAIN_CHECK, checkDrained)
      return
    }
    let calls = waiting
    waiting = []
    for (let call of calls) call()
  }

  return {
    frame(frame) {
      if (open) encoded(encodeFrame(frame))
    },
    encoded,
    slow: () => peer.buffered() + bytes > limits.highWater,
    whenDrained(call) {
      waiting.push(call)
      stopCheck ??= clock.after(DRAIN_CHECK, checkDrained)
    },
    flush,
    close() {
      open = false
      collected = []
      waiting = []
      stopFlush?.()
      stopCheck?.()
    }
  }
}
