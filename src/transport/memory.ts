// What was learnt about the ways to a server, where other tabs and the next page load see it at once: it is needed before the
// first attempt, which waits for nothing. Where it cannot be kept, this page alone remembers.

import type { Memory } from './ways.js'

const PREFIX = 'realtime-stores/http/'

export function browserMemory(): Memory {
  let here = new Map<string, number>()
  return {
    read(url) {
      try {
        return Number(localStorage.getItem(PREFIX + url))
      } catch {
        return here.get(url) ?? 0
      }
    },
    write(url, until) {
      here.set(url, until)
      try {
        if (until > 0) localStorage.setItem(PREFIX + url, String(until))
        else localStorage.removeItem(PREFIX + url)
      } catch {}
    }
  }
}
