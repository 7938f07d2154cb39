// A world for the handlers of operations: who is an admin is in the token, never in what a client says of itself.

import type { AnyFeature } from '../../../src/feature.js'
import { operationsFeatures, operationsPolicy } from '../../../src/handlers/operations.js'
import { createWorld, type World } from '../../../src/testing/world.js'

export function createOperationsWorld(features: readonly AnyFeature[] = []): World {
  return createWorld({
    features: [...operationsFeatures, ...features],
    server: {
      authenticate: ({ token = '', user }) => ({
        user: user ?? '',
        claims: { role: token === `admin:${user}` ? 'admin' : 'member' }
      }),
      policy: operationsPolicy(({ claims }) => (claims as { role: string }).role === 'admin')
    }
  })
}

/** Connects somebody on a device of their own. */
export function open(world: World, user: string, { admin = false } = {}) {
  let tab = world.device().openTab(user, admin ? { token: `admin:${user}` } : {})
  tab.client.connect()
  return tab.client
}
