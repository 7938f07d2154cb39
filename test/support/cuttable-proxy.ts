// A network that can fail: a TCP proxy between a client and a server, with a switch for each way of failing.

import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

type Way = 'up' | 'down'
type Mode = { is: 'open' } | { is: 'cut' } | { is: 'blackhole' } | { is: 'swallow'; way: Way }

interface Link {
  client: Socket
  server: Socket
  /** Bytes are missing, so the stream must not go on: TCP never skips. */
  torn: boolean
}

export interface CuttableProxy {
  readonly port: number
  /** How many connections run through it now. */
  readonly connections: number
  /** The cable is cut: every connection is reset, every new one too. */
  cut(): void
  /** Nobody answers: connections stay open, nothing passes either way; it arrives after `restore()`. */
  blackhole(): void
  /** One way loses its bytes, the other works: `down` is server to client. */
  swallow(way: Way): void
  /** All is well again. Connections that lost bytes are reset. */
  restore(): void
  close(): Promise<void>
}

/** Give `port` to listen on a certain port; connects to `targetPort` on this machine. */
export async function cuttableProxy(targetPort: number, { port = 0 } = {}): Promise<CuttableProxy> {
  const links = new Set<Link>()
  let mode: Mode = { is: 'open' }

  const listener = createServer({ allowHalfOpen: true, noDelay: true }, client => {
    if (mode.is === 'cut') {
      client.on('error', () => {})
      client.resetAndDestroy()
      return
    }
    const server = connect({ port: targetPort, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
    const link: Link = { client, server, torn: false }
    links.add(link)
    join(link, 'up', client, server)
    join(link, 'down', server, client)
  })

  function join(link: Link, way: Way, from: Socket, to: Socket) {
    if (mode.is === 'blackhole') from.pause()
    from.on('data', bytes => {
      if (mode.is === 'swallow' && mode.way === way) link.torn = true
      else if (!to.write(bytes)) from.pause()
    })
    to.on('drain', () => mode.is !== 'blackhole' && from.resume())
    from.on('end', () => to.end())
    from.on('error', () => to.resetAndDestroy())
    from.on('close', () => {
      to.destroySoon()
      links.delete(link)
    })
  }

  function reset(link: Link) {
    link.client.resetAndDestroy()
    link.server.resetAndDestroy()
    links.delete(link)
  }

  function each(act: (socket: Socket) => void) {
    for (const { client, server } of links) {
      act(client)
      act(server)
    }
  }

  function to(next: Mode) {
    mode = next
    if (mode.is === 'cut') for (const link of [...links]) reset(link)
    else if (mode.is === 'blackhole') each(socket => socket.pause())
    else each(socket => socket.resume())
  }

  await new Promise<void>((resolve, reject) => listener.once('error', reject).listen(port, '127.0.0.1', resolve))

  return {
    port: (listener.address() as AddressInfo).port,
    get connections() {
      return links.size
    },
    cut: () => to({ is: 'cut' }),
    blackhole: () => to({ is: 'blackhole' }),
    swallow: way => to({ is: 'swallow', way }),
    restore() {
      for (const link of [...links]) if (link.torn) reset(link)
      to({ is: 'open' })
    },
    close() {
      to({ is: 'cut' })
      return new Promise(resolve => listener.close(() => resolve()))
    }
  }
}
