// On HTTP, and looking for the way back: remembers that no WebSocket opened, and tries one from time to time without giving up
// what works. Loaded by those who need it.

import type { Connect, Stop } from '../ports.js'
import { isHttpFirst, REMEMBERED, untilTrial, type Ways } from './ways.js'

/** How long a WebSocket on trial may take, in milliseconds. */
const TRIAL = 5000
const LEAVING = 1000

/** Calls `found` when a WebSocket works. `inVain`: one was found lately, and did not do. */
export function startClimb(
  { webSocket, clock, memory, page }: Ways,
  url: string,
  inVain: boolean,
  found: () => void
): Stop {
  let stopTrial: Stop | null = null
  let stopWait: Stop = () => {}

  function attempt(): void {
    if (stopTrial) return
    let stopTimer = clock.after(TRIAL, () => done(false))
    let stopLink = tryOut(webSocket, url, done)
    stopTrial = () => {
      stopTimer()
      stopLink()
      stopTrial = null
    }
  }

  function done(isFine: boolean): void {
    stopTrial?.()
    memory.write(url, isFine ? 0 : clock.now() + REMEMBERED)
    if (isFine) found()
    else wait(REMEMBERED)
  }

  function wait(ms: number): void {
    stopWait()
    stopWait = clock.after(ms, attempt)
  }

  let until = memory.read(url)
  wait(untilTrial(until, clock.now(), inVain))
  if (!isHttpFirst(until, clock.now())) memory.write(url, clock.now() + REMEMBERED)
  // Another network may let it through.
  let stopPage = page?.listen(event => event === 'online' && attempt())
  return () => {
    stopPage?.()
    stopWait()
    stopTrial?.()
  }
}

/** It must bring a word back: some proxies let a WebSocket open and nothing through. Left to the timer when it is refused. */
function tryOut(webSocket: Connect, url: string, done: (isFine: boolean) => void): Stop {
  try {
    let link = webSocket(url, {
      opened: () => void link.send('ping'),
      message: text => done(text === 'pong'),
      closed: () => {}
    })
    return () => link.close(LEAVING)
  } catch {
    return () => {}
  }
}
