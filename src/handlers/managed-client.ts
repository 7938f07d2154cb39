// The other end of `processes`: what a program of Node does that is run as a client. It answers how it is, takes new settings,
// and ends with the server.

import process from 'node:process'
import type { ClientFriend } from '../features/clients.js'
import type { ClientSettings } from '../features/settings.js'
import { SETTINGS_VARIABLE } from './processes/child.js'

export interface ManagedClientOptions {
  /** Called at once, and whenever they change. They are in effect when it returns, or its promise resolves. */
  settings?(settings: ClientSettings): void | Promise<void>
  /** Somebody wants to know the newest. */
  refresh?(): void
}

export interface ManagedClientHandle {
  /** At most 100; ids and names of 1 to 64 characters. */
  tellFriends(friends: readonly ClientFriend[]): void
  /** Something that is worth knowing and does not end the client. */
  tellError(code: string, message: string): void
}

/**
 * Answers the server that runs this program. Does nothing but call `settings` when nobody runs it.
 *
 * ```ts
 * let { tellFriends } = managedClient({ settings: ({ interval }) => poll(Number(interval)) })
 * ```
 */
export function managedClient({
  settings = () => {},
  refresh = () => {}
}: ManagedClientOptions = {}): ManagedClientHandle {
  let send = (message: object): void => void process.send?.(message, undefined, undefined, () => {})
  let tellError = (code: string, message: string): void => send({ type: 'error', code, message })

  async function apply(now: ClientSettings): Promise<void> {
    try {
      await settings(now)
    } catch (error) {
      tellError('settings-failed', String(error))
    }
  }

  process.on('message', async (message: { type?: string; at?: number; settings?: ClientSettings }) => {
    if (message.type === 'ping') send({ type: 'pong', at: message.at })
    else if (message.type === 'refresh') refresh()
    else if (message.type === 'settings') {
      await apply(message.settings ?? {})
      send({ type: 'settings' })
    }
  })
  // The server is gone, however that came: a client without a server is an orphan.
  process.on('disconnect', () => process.exit())
  void apply(JSON.parse(process.env[SETTINGS_VARIABLE] ?? '{}') as ClientSettings)
  return { tellFriends: friends => send({ type: 'friends', friends }), tellError }
}
