import { describe, expect, test } from 'vitest'
import type { Draft } from '../../../src/feature.js'
import { reduceEvent } from '../../../src/feature.js'
import { type ChatState, chat, foreignCount, MAX_MESSAGES, MAX_PAST } from '../../../src/features/chat.js'
import { ALERT_AFTER } from '../../../src/features/conversation-alerts.js'
import { conversations } from '../../../src/features/conversations.js'
import { createPage } from './world.js'

type Step = Draft<typeof chat.events> & { by?: string; id?: string; at?: number }

function run(from: ChatState, ...steps: Step[]): ChatState {
  return steps.reduce<ChatState>(
    (state, { type, data, by = 'ann', id, at = 10 }, i) =>
      reduceEvent(chat, state, type, data, { id: id ?? `e${i}`, actor: by, at }) as ChatState,
    from
  )
}
const said = (id: string, by = 'ann', content = id): Step => ({ type: 'message', data: { content }, id, by })
const two = run(chat.initial, { type: 'joined', data: { name: 'Ann' } }, { type: 'joined', data: {}, by: 'bob' })
const context = (state: ChatState, me: string) => ({ state, me, id: 'new' })
const refuse = (state: ChatState, type: 'edited' | 'reacted', id: string, actor: string) =>
  type === 'edited'
    ? chat.refuse?.edited?.(state, { id, content: 'x' }, { id: 'r', actor, at: 1 })
    : chat.refuse?.reacted?.(state, { id, emoji: '🌹' }, { id: 'r', actor, at: 1 })

describe('a conversation', () => {
  test('numbers its messages, and takes the author and the time from the server', () => {
    let state = run(two, said('a'), {
      type: 'message',
      data: { content: 'hi', mentions: ['ann', 'ann'] },
      id: 'b',
      by: 'bob',
      at: 20
    })
    expect(state.total).toBe(2)
    expect(state.messages[1]).toEqual({
      id: 'b',
      n: 2,
      content: 'hi',
      sender: 'bob',
      timestamp: 20,
      recipientId: null,
      mentions: ['ann'],
      editedAt: null,
      isDeleted: false,
      reactions: []
    })
  })

  test('keeps the newest messages, and knows whose the ones before are: they can be changed, older ones not', () => {
    let count = MAX_MESSAGES + MAX_PAST + 5
    let state = run(two, ...Array.from({ length: count }, (_, i) => said(`m${i}`, i % 2 ? 'bob' : 'ann')))
    expect(state.messages).toHaveLength(MAX_MESSAGES)
    expect(state.past).toHaveLength(MAX_PAST)
    expect(state.total).toBe(count)
    expect(refuse(state, 'edited', 'm5', 'bob')).toBe(null)
    expect(refuse(state, 'edited', 'm5', 'ann')).toBe('not-yours')
    expect(refuse(state, 'edited', 'm4', 'ann')).toBe('unknown-message')
    expect(refuse(state, 'reacted', 'm6', 'bob')).toBe(null)
    expect(chat.commands.editMessage(context(state, 'bob'), 'm5', 'x')).toMatchObject({ type: 'edited' })
    expect(() => chat.commands.editMessage(context(state, 'ann'), 'm5', 'x')).toThrow('of another user')
    expect(() => chat.commands.deleteMessage(context(state, 'ann'), 'm4')).toThrow('there is no message')
  })

  test('is changed by authors alone: what another says has no effect, whoever let it in', () => {
    let state = run(two, said('a'))
    let edit = { type: 'edited', data: { id: 'a', content: 'forged' }, by: 'bob' } as const
    expect(run(state, edit, { type: 'deleted', data: { id: 'a' }, by: 'bob' }).messages).toBe(state.messages)
    expect(run(state, { ...edit, by: 'ann', at: 30 }).messages[0]).toMatchObject({ content: 'forged', editedAt: 30 })
  })

  test('forgets what a deleted message said, and takes no reaction to it', () => {
    let react = { type: 'reacted', data: { id: 'a', emoji: '🌹' }, by: 'bob' } as const
    let state = run(two, said('a'), react, { type: 'deleted', data: { id: 'a' } }, react)
    expect(state.messages[0]).toMatchObject({ content: '', isDeleted: true, reactions: [] })
  })

  test('counts a reaction once for each user and emoji', () => {
    let react = (by: string, emoji = '🌹'): Step => ({ type: 'reacted', data: { id: 'a', emoji }, by })
    let state = run(two, said('a'), react('bob'), react('bob'), react('ann'), react('ann', '🌷'))
    expect(state.messages[0]?.reactions).toEqual([
      { emoji: '🌹', users: ['bob', 'ann'] },
      { emoji: '🌷', users: ['ann'] }
    ])
    let less = run(state, { type: 'unreacted', data: { id: 'a', emoji: '🌷' } })
    expect(less.messages[0]?.reactions.map(({ emoji }) => emoji)).toEqual(['🌹'])
  })

  test('moves receipts forward only, and never past what there is', () => {
    let state = run(two, said('a'), said('b'), { type: 'read', data: { upTo: 2 }, by: 'bob' })
    state = run(state, { type: 'read', data: { upTo: 1 }, by: 'bob' }, { type: 'read', data: { upTo: 9 }, by: 'ann' })
    expect(state.members.map(({ user, read }) => [user, read])).toEqual([
      ['ann', 2],
      ['bob', 2]
    ])
  })

  test('marks read up to what others wrote: the number of an own message that waits is not known', () => {
    let state = run(two, said('a', 'bob'), said('b', 'bob'), said('mine'))
    expect(chat.commands.markRead(context(state, 'ann'))).toEqual({ type: 'read', data: { upTo: 2 } })
    expect(chat.commands.markRead(context(state, 'ann'), 'a')).toEqual({ type: 'read', data: { upTo: 1 } })
    expect(chat.commands.markRead(context(run(state, { type: 'read', data: { upTo: 2 } }), 'ann'))).toBe(null)
    expect(chat.commands.markRead(context(state, 'cyd'))).toBe(null)
  })

  test('counts for each member what others wrote since they came; an own message that waits changes nothing', () => {
    let state = run(two, said('a'), said('b', 'bob'), said('c', 'bob'))
    expect([foreignCount(state, 'ann'), foreignCount(state, 'bob'), foreignCount(state, 'cyd')]).toEqual([2, 1, 0])
    expect(foreignCount(run(state, said('d')), 'ann')).toBe(2)
    let later = run(state, { type: 'joined', data: {}, by: 'cyd' }, said('d'))
    expect(foreignCount(later, 'cyd')).toBe(1)
  })
})

describe('alerts', () => {
  function page(claims = new Set<string>()) {
    let shown: string[] = []
    let notifications = {
      permission: () => 'granted' as const,
      ask: async () => 'granted' as const,
      focused: () => false,
      show(title: string, { body = '' }) {
        shown.push(`${title}: ${body}`)
        return () => void shown.push('gone')
      }
    }
    return { ...createPage(conversations, { devices: { notifications }, claims }), shown }
  }
  let update = (total: number, sender = 'bob') => ({
    conversationId: 'conversation:garden',
    title: 'Garden',
    lastMessage: { id: `m${total}`, content: `roses ${total}`, sender, timestamp: total, isDeleted: false },
    timestamp: total,
    total,
    foreign: total,
    mention: 0
  })

  test('are shown once on a device, when nobody looks at any of its tabs', async () => {
    let claims = new Set<string>()
    let [one, other] = [page(claims), page(claims)]
    for (let { local } of [one, other]) local.enableAlerts()
    for (let { tell } of [one, other]) tell('conversationUpdate', update(1))
    for (let { clock } of [one, other]) await clock.pass(ALERT_AFTER)
    expect([...one.shown, ...other.shown]).toEqual(['Garden: roses 1'])
  })

  test('are not shown while a tab is focused, whichever hears of it first', async () => {
    let claims = new Set<string>()
    let [away, focused] = [page(claims), page(claims)]
    for (let { local } of [away, focused]) local.enableAlerts()
    focused.local.setFocused(true)
    for (let { tell } of [away, focused]) tell('conversationUpdate', update(1))
    await focused.clock.pass(0)
    await away.clock.pass(ALERT_AFTER)
    expect([...away.shown, ...focused.shown]).toEqual([])
  })

  test('tell of no own message, no edit, nothing that was missed, and nothing unless turned on', async () => {
    let { local, tell, clock, shown } = page()
    tell('conversationUpdate', update(1))
    await clock.pass(ALERT_AFTER)
    let stop = local.enableAlerts()
    tell('conversationUpdate', update(2, 'ann'))
    tell('conversationUpdate', { ...update(2), lastMessage: { ...update(2).lastMessage, content: 'edited' } })
    tell('conversationUpdate', update(3), { live: false })
    await clock.pass(ALERT_AFTER)
    expect(shown).toEqual([])
    tell('conversationUpdate', update(4))
    await clock.pass(ALERT_AFTER)
    local.setFocused(true)
    expect(shown).toEqual(['Garden: roses 4', 'gone'])
    local.setFocused(false)
    stop()
    tell('conversationUpdate', update(5))
    await clock.pass(ALERT_AFTER)
    expect(shown).toHaveLength(2)
  })
})
