// Everything that is known of the connection, and what one can do with it.

import { button, facts } from '../controls.js'
import { h, tick, watch } from '../dom.js'
import { panel } from '../panel.js'
import { ago, kilo, milliseconds } from '../words.js'

export function connectionPanel(client) {
  let { service, stores, run } = client
  let state = facts({
    phase: 'Phase',
    reason: 'Reason',
    error: 'Last error',
    attempt: 'Failed attempts',
    since: 'Since',
    connect: 'Took to connect',
    latency: 'Round trip',
    quality: 'Quality',
    transport: 'Transport',
    durability: 'Waiting actions',
    sealed: 'Encrypted end to end',
    leader: 'This tab sends',
    session: 'Session',
    traffic: 'In and out',
    clock: 'Server’s clock'
  })
  let view = panel(
    client,
    { name: 'connection', title: 'Connection' },
    h(
      'div',
      { class: 'row' },
      button('Check the line', () => run('Check', () => service.probe())),
      button('Disconnect', () => run('Disconnect', () => client.disconnect())),
      button('Connect', () => run('Connect', () => client.connect()))
    ),
    state.node
  )

  function render() {
    let link = stores.connection.get()
    state.set({
      phase: link.phase,
      reason: link.reason,
      error: link.lastError ? `${link.lastError.code}: ${link.lastError.message}` : 'none',
      attempt: link.attempt,
      since: link.since === 0 ? '–' : ago(link.since),
      connect: milliseconds(link.connectMs),
      latency: link.latencyMs === null ? '–' : `${milliseconds(link.latencyMs)}, ± ${milliseconds(link.jitterMs)}`,
      quality: `${link.quality}, ${link.qualityScore} of 100`,
      transport: link.transport,
      durability: `${link.durability}${link.durabilityReason ? `: ${link.durabilityReason}` : ''}`,
      sealed: link.sealed,
      leader: link.leader ? 'yes' : 'no',
      session: link.sessionId?.slice(0, 8) ?? '–',
      traffic: `${kilo(link.bytesIn)} and ${kilo(link.bytesOut)} characters`,
      clock: `${link.serverTimeOffsetMs >= 0 ? '+' : ''}${Math.round(link.serverTimeOffsetMs)} ms`
    })
    view.digest(link.transport === 'none' ? '' : link.transport)
  }
  watch(stores.connection, render)
  tick(render)
  return view.node
}
