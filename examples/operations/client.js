// A program that the server runs: it holds as much memory and has as many friends as its settings say.

import { managedClient } from 'realtime-stores/handlers/managed-client'

let NAMES = ['Fay', 'Gus', 'Hal', 'Ivy', 'Jon', 'Kim', 'Lea', 'Max', 'Nia', 'Oli']
let held = Buffer.alloc(0)
let friends = []

let { tellFriends } = managedClient({
  settings({ ballast = 0, friends: count = 0 }) {
    held = Buffer.alloc(ballast * 1024 * 1024, 1)
    friends = Array.from({ length: count }, (_, i) => ({
      id: `friend-${i}`,
      name: `${NAMES[i % 10]}${i < 10 ? '' : ' II'}`
    }))
    tell()
  },
  refresh: tell
})

function tell() {
  // The first settings come before there is anybody to tell.
  setImmediate(() => tellFriends(friends))
}

setInterval(() => held.length, 60_000)
