// Operations on a Socket.IO backend, one namespace for each concern: logging in, managed clients, what friends do, content on its
// way, the system and its metrics, notifications.

import {
  type EventEntry,
  fields,
  list,
  number,
  optional,
  type Payload,
  type SocketIoTable,
  text,
  time
} from '../table.js'

const [CLIENTS, ACTIVITY, CONTENT, SYSTEM] = ['/clients', '/activity', '/content', '/system'] as const
const NOTIFICATIONS = '/notifications'

const idOf = (payload: Payload): string => text(payload.clientId ?? payload.id)
const atOf = ({ timestamp }: Payload): number | undefined => optional(timestamp, time)
const count = (value: unknown): number => Math.max(0, Math.round(optional(value, number) ?? 0))
const measured = (value: unknown): number | null => optional(value, number) ?? null
const short = (value: unknown, max: number, other = ''): string => (optional(value, text) ?? other).slice(0, max)
const oneOf = (value: unknown, words: readonly string[], other: string): string =>
  words.includes(value as string) ? (value as string) : other
/** Texts, as features keep what an app attaches. */
const texts = (value: unknown, max: number): Record<string, string> =>
  Object.fromEntries(
    Object.entries(fields(value))
      .slice(0, max)
      .map(([name, item]) => [name, (typeof item === 'string' ? item : (JSON.stringify(item) ?? '')).slice(0, 500)])
  )

const DOING: Readonly<Record<string, string>> = {
  starting: 'starting',
  stopping: 'stopping',
  restarting: 'restarting',
  refreshing: 'refreshing',
  updating: 'updating'
}

/** A command that the backend carries out and does not repeat to others. */
function command(namespace: string, event: string, payload: (data: never) => unknown) {
  return {
    namespace,
    emit: (data: never, { action }: { readonly action: string }) => ({
      event,
      payload: { ...fields(payload(data)), clientActionId: action }
    }),
    echo: false
  }
}

const clientCommand = (event: string) =>
  command(CLIENTS, event, ({ id, ...rest }: { readonly id: string }) => ({ clientId: id, ...rest }))

/** `friend:startedPlaying` and its like. */
function friend(event: string): EventEntry {
  return {
    namespace: ACTIVITY,
    event,
    kind: 'user',
    is: `activity/${event}`,
    data: payload => ({
      friend: text(payload.friendId ?? payload.userId ?? payload.friend),
      title: short(payload.title ?? payload.game ?? payload.track ?? payload.status, 120, '—') || '—',
      note: short(payload.note ?? payload.artist, 200),
      priority: oneOf(payload.priority, ['low', 'normal', 'high'], 'normal'),
      targetable: payload.targetable === true
    }),
    id: ({ id }) => optional(id, text),
    at: atOf
  }
}

export const operationsTable = {
  session: {
    namespace: '/auth',
    login: token => ({ event: 'authenticate', payload: { token } }),
    logout: { event: 'logout', payload: {} }
  },
  rooms: [
    { kind: 'clients', namespace: CLIENTS },
    { kind: 'operations', namespace: SYSTEM },
    { kind: 'operations', namespace: CONTENT },
    {
      kind: 'metrics',
      namespace: SYSTEM,
      join: ({ id }) => ({ event: 'metrics:subscribe', payload: { metric: id } }),
      leave: ({ id }) => ({ event: 'metrics:unsubscribe', payload: { metric: id } })
    },
    { kind: 'user', namespace: ACTIVITY },
    { kind: 'user', namespace: CONTENT },
    {
      kind: 'user',
      namespace: NOTIFICATIONS,
      join: () => ({ event: 'notification:getAll', payload: {} }),
      news: answer => {
        let all = Array.isArray(answer) ? answer : optional(fields(answer).notifications, list)
        return all?.flatMap(payload => [
          { event: 'notification:new', payload },
          { event: 'notification:update', payload }
        ])
      }
    }
  ],
  up: {
    'clients/client:start': clientCommand('client:start'),
    'clients/client:stop': clientCommand('client:stop'),
    'clients/client:restart': clientCommand('client:restart'),
    'clients/client:refresh': clientCommand('client:refresh'),
    'clients/client:updateSettings': clientCommand('client:updateSettings'),
    'activity/activity:subscribe': command(
      ACTIVITY,
      'activity:subscribe',
      ({ friend, kinds }: { friend: string; kinds?: readonly string[] }) => ({ friendId: friend, kinds })
    ),
    'activity/activity:unsubscribe': command(ACTIVITY, 'activity:unsubscribe', ({ friend }: { friend: string }) => ({
      friendId: friend
    })),
    // The backend's word on a content names it by the action that triggered it.
    'content/content:trigger': {
      namespace: CONTENT,
      emit: (data: object, { action }) => ({ event: 'content:trigger', payload: { id: action, ...data } }),
      echo: false
    },
    'content/content:generatePreview': {
      namespace: CONTENT,
      emit: (data: object, { action }) => ({ event: 'content:generatePreview', payload: { id: action, ...data } }),
      echo: false
    },
    'content/content:feedback': command(CONTENT, 'content:feedback', (data: object) => data),
    'content-inbox/content:feedback': command(CONTENT, 'content:feedback', (data: object) => data),
    // That it has come and been seen is not told there.
    'content-inbox/content:received': { emit: () => undefined },
    'content-inbox/content:confirm': { emit: () => undefined },
    'notifications/notification:markRead': command(NOTIFICATIONS, 'notification:markRead', (data: object) => data),
    'notifications/notification:markAllRead': command(NOTIFICATIONS, 'notification:markRead', (data: object) => data),
    'notifications/notification:dismiss': command(NOTIFICATIONS, 'notification:dismiss', (data: object) => data)
  },
  down: [
    {
      namespace: CLIENTS,
      event: 'client:status',
      kind: 'clients',
      is: 'clients/client:defined',
      data: (payload, { notes }) => {
        let id = short(idOf(payload), 64)
        let known = (notes.get('clients') ?? []) as readonly { readonly id: string }[]
        if (known.some(client => client.id === id)) return undefined
        let clients = [...known, { id, name: short(payload.name, 64, id) || id, fields: [], autostart: true }]
        notes.set('clients', clients)
        return { clients }
      }
    },
    {
      namespace: CLIENTS,
      event: 'client:status',
      kind: 'clients',
      is: 'clients/client:status',
      data: payload => ({
        id: short(idOf(payload), 64),
        status: oneOf(payload.status, ['connected', 'disconnected', 'reconnecting'], 'disconnected'),
        doing: DOING[String(payload.doing)] ?? null,
        why: short(payload.reason ?? payload.why, 200),
        pid: payload.pid === undefined || payload.pid === null ? null : count(payload.pid),
        run: null,
        memory: measured(payload.memory),
        responseTime: measured(payload.responseTime),
        friendCount: count(payload.friendCount),
        attempt: count(payload.attempt),
        retryAt: null
      }),
      at: atOf
    },
    {
      namespace: CLIENTS,
      event: 'client:friendsUpdate',
      kind: 'clients',
      is: 'clients/client:friendsUpdate',
      data: payload => ({
        id: short(idOf(payload), 64),
        friends: list(payload.friends)
          .slice(0, 100)
          .map(item => {
            let { id, name } = fields(item)
            return { id: short(id, 64), name: short(name, 64, short(id, 64)) }
          })
      })
    },
    {
      namespace: CLIENTS,
      event: 'client:error',
      kind: 'clients',
      is: 'clients/client:error',
      data: payload => ({
        id: short(idOf(payload), 64),
        code: short(payload.code, 64, 'error') || 'error',
        message: short(payload.message ?? payload.error, 500)
      }),
      at: atOf
    },
    friend('friend:startedPlaying'),
    friend('friend:stoppedPlaying'),
    friend('friend:startedListening'),
    friend('friend:stoppedListening'),
    friend('friend:statusChange'),
    {
      namespace: CONTENT,
      event: 'content:delivered',
      kind: 'operations',
      is: 'content/content:delivered',
      data: ({ id }) => ({ id: short(text(id), 64) }),
      at: atOf
    },
    {
      namespace: CONTENT,
      event: 'content:delivered',
      kind: 'user',
      is: 'content-inbox/content:arrived',
      data: ({ id, title, body, data }) =>
        title === undefined
          ? undefined
          : {
              id: short(text(id), 64),
              room: 'operations',
              delivery: short(text(id), 64),
              title: short(title, 200, '—') || '—',
              body: short(body, 4000),
              data: texts(data, 20)
            },
      id: ({ id }) => text(id),
      at: atOf
    },
    {
      namespace: CONTENT,
      event: 'content:error',
      kind: 'operations',
      is: 'content/content:error',
      data: ({ id, error, message }) => ({
        id: short(text(id), 64),
        error: short(error ?? message, 200, 'failed') || 'failed',
        nextAt: null
      }),
      at: atOf
    },
    {
      namespace: CONTENT,
      event: 'content:preview',
      kind: 'operations',
      is: 'content/content:preview',
      data: ({ id, result, error, ...rest }) => {
        let { title, body, data } = result === undefined ? rest : fields(result)
        let made = { title: short(title, 200, '—') || '—', body: short(body, 4000), data: texts(data, 20) }
        let failed = optional(error, text)?.slice(0, 200) || null
        return { id: short(text(id), 64), result: failed ? null : made, error: failed }
      }
    },
    {
      namespace: SYSTEM,
      event: 'metrics:update',
      kind: 'metrics',
      room: ({ metric, name }) => text(metric ?? name),
      is: 'metrics/metrics:update',
      data: ({ value, timestamp }) => ({
        at: Math.round(optional(timestamp, time) ?? Date.now()),
        value: number(value)
      }),
      seconds: 60
    },
    {
      namespace: SYSTEM,
      event: 'metrics:alert',
      kind: 'operations',
      is: 'system/metrics:alert',
      data: ({ state, threshold, metric, level, value, limit }) => ({
        state: state === 'cleared' ? 'cleared' : 'raised',
        threshold: short(threshold ?? metric, 64),
        metric: short(metric, 64),
        level: level === 'critical' ? 'critical' : 'warning',
        value: number(value),
        limit: optional(limit, number) ?? 0
      }),
      id: ({ id }) => optional(id, text),
      at: atOf
    },
    {
      namespace: SYSTEM,
      event: 'system:status',
      kind: 'operations',
      is: 'system/system:status',
      data: ({ status, pid, startedAt, runtime, metrics }) => ({
        status: status === 'stopping' ? 'stopping' : 'running',
        pid: count(pid),
        startedAt: Math.round(optional(startedAt, time) ?? 0),
        runtime: short(runtime, 100),
        metrics: (optional(metrics, list) ?? []).slice(0, 64).map(item => {
          let { name, label, unit } = fields(item)
          let id = short(typeof item === 'string' ? item : name, 64)
          return { name: id, label: short(label, 64, id) || id, unit: short(unit, 16) }
        })
      })
    },
    {
      namespace: NOTIFICATIONS,
      event: 'notification:new',
      kind: 'user',
      is: 'notifications/notification:new',
      data: ({ category, type, priority, title, body, message, actions, data }) => ({
        category: short(category ?? type, 32, 'system') || 'system',
        priority: oneOf(priority, ['low', 'normal', 'high', 'urgent'], 'normal'),
        title: short(title, 200, '—') || '—',
        body: short(body ?? message, 1000),
        actions: (optional(actions, list) ?? []).slice(0, 3).map(item => {
          let { id, title } = fields(item)
          return { id: short(text(id), 32), title: short(title, 64, short(id, 32)) }
        }),
        data: texts(data, 10),
        until: null
      }),
      id: ({ id }) => text(id),
      at: atOf
    },
    {
      namespace: NOTIFICATIONS,
      event: 'notification:update',
      kind: 'user',
      is: 'notifications/notification:update',
      data: ({ id, title, body, data }) => ({
        id: short(text(id), 64),
        ...(title === undefined ? {} : { title: short(title, 200) || '—' }),
        ...(body === undefined ? {} : { body: short(body, 1000) }),
        ...(data === undefined ? {} : { data: texts(data, 10) })
      })
    },
    {
      namespace: NOTIFICATIONS,
      event: 'notification:update',
      kind: 'user',
      is: 'notifications/notification:markRead',
      data: ({ id, read }) => (read === true ? { id: short(text(id), 64) } : undefined)
    },
    {
      namespace: NOTIFICATIONS,
      event: 'notification:update',
      kind: 'user',
      is: 'notifications/notification:dismiss',
      data: ({ id, dismissed }) => (dismissed === true ? { id: short(text(id), 64) } : undefined)
    }
  ]
} satisfies SocketIoTable
