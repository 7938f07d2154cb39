// One of the two: a person with a browser of their own, as far as the library can tell.

import * as library from '/bundle/realtime-stores.js'
import { createCable } from './cable.js'
import { stepsFeature } from './steps.js'
import { nameOf } from './words.js'

let steps = stepsFeature(library)

export let PERSONAS = [
  { id: 'luna', label: 'Luna' },
  { id: 'orion', label: 'Orion' },
  { id: 'sage', label: 'Sage' }
]

/** Not worth a notice: a newer choice took the place of an older one, or a sample of a stream found no connection. */
let QUIET = new Set(['replaced', 'dropped', 'purged', 'left'])

/** `address()` tells where the server is; `notify(words)` shows a notice. */
export function createClient({ user, address, notify }) {
  let { service, stores } = library.createRealtimeService()
  let cable = createCable()
  let rooms = new Set()
  let personaKey = `companion/persona/${user}`
  let cableKey = `companion/unplugged/${user}`
  let persona = localStorage.getItem(personaKey) ?? PERSONAS[0].id
  let walk = crypto.randomUUID()
  let taken = counter()
  let connected = false

  // A reload does not plug in again: what waits must still be there then.
  if (sessionStorage.getItem(cableKey)) cable.pull()

  function entered() {
    for (let listener of rooms) listener(service.room())
  }

  let client = {
    user,
    name: nameOf(user),
    service,
    stores,
    get persona() {
      return persona
    },
    get plugged() {
      return cable.plugged
    },

    async connect() {
      let connecting = service.connect({
        url: address,
        app: 'companion',
        user,
        persona,
        platform: 'web',
        ports: { connect: cable.connect }
      })
      connected = true
      entered()
      await connecting
    },

    /** Commands have nowhere to go until the next `connect`. */
    async disconnect() {
      connected = false
      await service.disconnect()
    },

    /** Pulls the cable or plugs it in; a system would notice both and say so, hence the probe. */
    plug(on) {
      if (on) cable.plug()
      else cable.pull()
      if (on) sessionStorage.removeItem(cableKey)
      else sessionStorage.setItem(cableKey, 'yes')
      if (connected) service.probe()
    },

    async switchPersona(id) {
      try {
        await service.switchPersona(id)
      } catch (error) {
        notify(`Switch: ${error.message}`)
        return
      }
      persona = id
      localStorage.setItem(personaKey, id)
      entered()
    },

    /** Calls with the room of the companion, now and whenever it is another one. */
    onRoom(listener) {
      rooms.add(listener)
    },

    /** The stores and commands of this demo's own feature. */
    steps: room => room.use(steps),
    takeSteps(count) {
      client.run('Walk', () => {
        let { step } = client.steps(service.room())
        let receipt
        for (let i = 0; i < count; i++) receipt = step(`${walk}/${persona}`, taken.next(persona))
        return receipt
      })
    },

    /** Runs a command; what it throws now or is refused later becomes a notice. */
    run(what, command) {
      let failed = error => {
        if (!QUIET.has(error.code)) notify(`${what}: ${error.message}`)
      }
      try {
        let result = command()
        let end = result?.acked ?? result
        if (end?.catch) end.catch(failed)
        return result
      } catch (error) {
        failed(error)
        return undefined
      }
    }
  }
  return client
}

/** Counts from 1, for each key on its own. */
function counter() {
  let counts = new Map()
  return {
    next(key) {
      counts.set(key, (counts.get(key) ?? 0) + 1)
      return counts.get(key)
    }
  }
}
