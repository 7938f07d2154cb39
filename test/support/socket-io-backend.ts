// A backend as apps have it already: a real Socket.IO 4 server with namespaces, a handshake that checks tokens, and handlers
// that acknowledge. It knows nothing of our protocol. What it does wrong is switched on by tests.

import { createServer, type Server as HttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Namespace, Server, type Socket } from 'socket.io'

export interface Message {
  readonly id: string
  readonly content: string
  readonly sender: string
  readonly timestamp: string
  readonly conversationId: string
  readonly clientId?: string
}

type Ack = (answer?: unknown) => void

export interface Backend {
  readonly port: number
  readonly url: string
  /** Every event that came, in order. */
  readonly heard: {
    readonly namespace: string
    readonly user: string
    readonly event: string
    readonly data: unknown
  }[]
  readonly handshakes: { readonly query: Record<string, unknown>; readonly auth: Record<string, unknown> }[]
  /** By conversation: everything that took effect. */
  readonly messages: Map<string, Message[]>
  readonly votes: Map<string, { userId: string; mediaId: string; voteType: string }[]>
  readonly connections: number
  habits: {
    /** What it does with the next acknowledgements. `lose`: the effect happens and the connection breaks before the answer. */
    ack: 'yes' | 'never' | 'lose' | { readonly [key: string]: unknown }
    /** Whom it tells of a message. */
    echo: 'all' | 'others'
    /** What comes first: the event or the acknowledgement. */
    first: 'event' | 'ack'
    /** Whether it hands the client's own id of a message back. */
    clientIds: boolean
    /** Whether it takes a message with a known `clientId` once only. */
    once: boolean
    /** Whether the acknowledgement names the message. */
    names: boolean
    /** Whether the answer to a join has the last messages. */
    history: boolean
    /** Tokens it lets in; null for everybody. */
    tokens: readonly string[] | null
  }
  readonly io: () => Server
  /** As if somebody else had done it. */
  say(conversationId: string, sender: string, content: string): void
  kill(): Promise<void>
  restart(): Promise<void>
  close(): Promise<void>
}

export async function createBackend(namespaces: readonly string[] = ['/realtime']): Promise<Backend> {
  let http: HttpServer
  let io: Server
  let port = 0
  let count = 0
  let messages = new Map<string, Message[]>()
  let votes = new Map<string, { userId: string; mediaId: string; voteType: string }[]>()
  let backend: Backend = {
    get port() {
      return port
    },
    get url() {
      return `http://127.0.0.1:${port}`
    },
    heard: [],
    handshakes: [],
    messages,
    votes,
    get connections() {
      return io.engine.clientsCount
    },
    habits: {
      ack: 'yes',
      echo: 'all',
      first: 'event',
      clientIds: true,
      once: false,
      names: true,
      history: false,
      tokens: null
    },
    io: () => io,
    say(conversationId, sender, content) {
      let message = store(conversationId, sender, content)
      io.of('/realtime').to(conversationId).emit('message', message)
    },
    async kill() {
      await io.close()
    },
    restart: () => listen(),
    async close() {
      await io.close()
    }
  }

  function store(conversationId: string, sender: string, content: string, clientId?: string): Message {
    let list = messages.get(conversationId) ?? []
    messages.set(conversationId, list)
    let known = backend.habits.once && list.find(message => message.clientId === clientId && clientId !== undefined)
    if (known) return known
    let timestamp = new Date().toISOString()
    let message = { id: `m${++count}`, content, sender, timestamp, conversationId, ...(clientId ? { clientId } : {}) }
    list.push(message)
    return message
  }

  function visible({ clientId, ...message }: Message): Message {
    return { ...message, ...(backend.habits.clientIds && clientId ? { clientId } : {}) }
  }

  function serve(namespace: Namespace): void {
    namespace.use((socket, next) => {
      let { tokens } = backend.habits
      let { token, user = 'nobody' } = socket.handshake.auth as { token?: string; user?: string }
      backend.handshakes.push({ query: socket.handshake.query, auth: socket.handshake.auth })
      if (tokens && !tokens.includes(token ?? '')) next(new Error('not authorized'))
      else {
        socket.data.user = user
        next()
      }
    })
    namespace.on('connection', socket => {
      let user = socket.data.user as string
      socket.onAny((event, data) => backend.heard.push({ namespace: namespace.name, user, event, data }))
      if (namespace.name === '/realtime') realtime(namespace, socket, user)
      if (namespace.name === '/auth') {
        socket.on('authenticate', ({ token }, ack: Ack) =>
          ack(token === 'revoked' ? { error: 'revoked' } : { ok: true, expiresIn: 3600 })
        )
      }
    })
  }

  function realtime(namespace: Namespace, socket: Socket, user: string): void {
    let { habits } = backend
    socket.on('joinConversation', async ({ conversationId }, ack: Ack) => {
      if (conversationId === 'closed') return ack({ error: 'forbidden', message: 'not yours' })
      let there = await namespace.in(conversationId).fetchSockets()
      await socket.join(conversationId)
      socket.to(conversationId).emit('userJoined', { userId: user, username: user.toUpperCase(), conversationId })
      let members = there.map(other => ({ userId: other.data.user, username: String(other.data.user).toUpperCase() }))
      let past = (messages.get(conversationId) ?? []).slice(-50).map(visible)
      ack({ ok: true, members, ...(habits.history ? { messages: past } : {}) })
    })
    socket.on('leaveConversation', async ({ conversationId }) => {
      await socket.leave(conversationId)
      socket.to(conversationId).emit('userLeft', { userId: user, username: user.toUpperCase(), conversationId })
    })
    socket.on('disconnecting', () => {
      for (let conversationId of socket.rooms)
        if (conversationId !== socket.id) socket.to(conversationId).emit('userLeft', { userId: user, conversationId })
    })
    socket.on('sendMessage', ({ content, conversationId, clientId }, ack?: Ack) => {
      if (typeof habits.ack === 'object') return ack?.(habits.ack)
      let message = store(conversationId, user, content, clientId)
      if (habits.ack === 'lose') {
        habits.ack = 'yes'
        socket.to(conversationId).emit('message', visible(message))
        socket.conn.close()
        return
      }
      let everyone = habits.echo === 'all' ? namespace : socket
      let answer = (): unknown =>
        habits.ack === 'yes' && ack?.({ ok: true, ...(habits.names ? { id: message.id } : {}) })
      if (habits.first === 'ack') answer()
      everyone.to(conversationId).emit('message', visible(message))
      if (habits.first === 'event') answer()
    })
    for (let isTyping of [true, false]) {
      socket.on(isTyping ? 'startTyping' : 'stopTyping', ({ conversationId }) => {
        socket.to(conversationId).emit('typing', { userId: user, username: user, conversationId, isTyping })
      })
    }
    socket.on('joinRoom', async ({ roomId }, ack: Ack) => {
      await socket.join(roomId)
      ack({ ok: true })
    })
    socket.on('vote', ({ roomId, mediaId, voteType }, ack: Ack) => {
      let ballots = votes.get(roomId) ?? []
      votes.set(roomId, ballots)
      if (ballots.some(ballot => ballot.userId === user && ballot.mediaId === mediaId))
        return ack({ success: false, error: { code: 'already-voted', message: 'One ballot each.' } })
      ballots.push({ userId: user, mediaId, voteType })
      let totalVotes = ballots.filter(ballot => ballot.mediaId === mediaId).length
      let progress = { totalVotes, requiredVotes: 2, percentage: Math.min(100, totalVotes * 50) }
      namespace.to(roomId).emit('voteUpdate', { userId: user, mediaId, voteType, progress })
      if (totalVotes === 2) {
        let participants = ballots.filter(ballot => ballot.mediaId === mediaId).map(({ userId }) => userId)
        namespace.to(roomId).emit('matchFound', { mediaId, mediaTitle: mediaId, participants, matchType: 'unanimous' })
      }
      ack({ success: true })
    })
    socket.on('personal', (data, ack: Ack) => ack(data))
  }

  async function listen(): Promise<void> {
    http = createServer()
    io = new Server(http, { cors: { origin: '*' } })
    for (let name of namespaces) serve(io.of(name))
    await new Promise<void>((resolve, reject) => {
      http.once('error', reject)
      http.listen(port, '127.0.0.1', resolve)
    })
    port = (http.address() as AddressInfo).port
  }

  await listen()
  return backend
}
