// A turn of a room made true: decided on what is stored, committed, and done again where another writer was faster.

import type { RealtimeError } from '../errors.js'
import type { AnyFeature, StateOf } from '../feature.js'
import type { Audience } from './audience.js'
import type { Counts } from './counts.js'
import { type Asks, type Decision, decide, type Job } from './decide.js'
import type { Ledger, LedgerParts } from './ledger.js'
import { askNow, type Policy } from './policy.js'
import type { Quota } from './quota.js'
import type { RoomSeat } from './seat.js'
import { encodeAll } from './state.js'
import type { Watchers } from './watchers.js'

export interface RoomParts extends LedgerParts {
  readonly policy: Policy
  readonly quota: Quota
  readonly watchers: Watchers
  readonly counts: Counts
}

const ATTEMPTS = 5

/** Returns what decides and commits a batch; it gives `null` when the storage fails, and then nothing counts as decided. */
export function createTurns(
  room: string,
  { policy, quota, counts, report }: RoomParts,
  ledger: Ledger,
  audience: Audience
): (jobs: readonly Job<RoomSeat>[]) => Promise<Decision<RoomSeat> | null> {
  let asks: Asks<RoomSeat> = {
    policy({ user, link, join }, { feature, type, data }, states) {
      let state = states.get(feature)
      let stateOf = <F extends AnyFeature>({ name }: F) => states.get(name) as StateOf<F> | undefined
      let request = { user, claims: link.claims, app: link.app, room, token: join.token, feature, type, data, state }
      return askNow(policy, { ...request, stateOf, action: 'push' }, error =>
        report('error', 'policy-threw', { room, error })
      )
    },
    quota: (user, ahead) => quota.wait(user, ahead),
    failed: (feature, type, error) => report('error', 'reducer-threw', { room, feature, type, error })
  }

  return async jobs => {
    let clients = new Set<string>()
    let ids: string[] = []
    for (let job of jobs) {
      if (job.kind !== 'app') clients.add(job.seat.client)
      if (job.kind === 'push') ids.push(job.push.id)
      if (job.kind === 'app') ids.push(job.event.id)
    }
    for (let attempt = 1; ; attempt++) {
      try {
        let { surprise } = await ledger.ready()
        if (surprise.kind === 'gap') audience.gap()
        if (surprise.kind === 'events') audience.events(encodeAll(room, surprise.events))
        let decision = decide({ ...(await ledger.view(clients, ids)), holders: audience.holders }, jobs, asks)
        await ledger.commit(decision)
        counts.events += decision.events.length
        for (let [user, count] of decision.fresh) quota.take(user, count)
        return decision
      } catch (error) {
        ledger.doubt()
        if ((error as Partial<RealtimeError> | null)?.code === 'conflict' && attempt < ATTEMPTS) continue
        report('error', 'storage-failed', { room, error })
        return null
      }
    }
  }
}
