// What the example's server does for attention: it raises notifications, passes on what friends do, and delivers content.

import { content } from 'realtime-stores/features/content'
import { activityFeatures, createActivities } from 'realtime-stores/handlers/activity'
import { contentFeatures, createContentDelivery } from 'realtime-stores/handlers/content'
import { createNotifier, notifierFeatures } from 'realtime-stores/handlers/notifier'
import { defaultPolicy } from 'realtime-stores/server'

export let attentionFeatures = [...new Set([...notifierFeatures, ...activityFeatures, ...contentFeatures])]

/** Everybody is a friend of everybody but Cleo, who has only Ada. */
let FRIENDS = { ada: ['ben', 'cleo'], ben: ['ada'], cleo: ['ada'] }

/** Content is for admins to send; one may follow one's friends only. */
export function attentionPolicy(isAdmin) {
  return request => {
    if (!defaultPolicy(request)) return false
    // What is triggered is delivered from whichever room it is said in.
    if ((request.room === 'content' || request.feature === content.name) && !isAdmin(request)) return false
    if (request.type !== 'activity:subscribe') return true
    return FRIENDS[request.user]?.includes(request.data.friend) ?? false
  }
}

let rules = [
  {
    when: { kinds: ['startedPlaying'] },
    targetable: true,
    priority: 'high',
    notify: { title: '{friend} plays {title}', body: 'Maybe you want to join in.' }
  },
  { when: { kinds: ['statusChange'] }, priority: 'low' }
]

export function startAttention(hub) {
  let notifier = createNotifier({ hub })
  let activities = createActivities({ hub, notifier, rules })
  let delivery = createContentDelivery({
    hub,
    backOff: [500, 5000],
    /** What is called «broken» cannot be delivered at the first attempt. */
    async deliver({ title, attempt }) {
      if (title === 'broken' && attempt === 1) throw new Error('the first attempt always fails')
    },
    preview: async ({ template, data }) => ({ title: template, body: `Dear ${data.recipient}, this is for you.` })
  })
  // Who gets content is told of it.
  let stopTelling = hub.watch(content, ({ room, state, events }) => {
    let sent = events.filter(({ type }) => type === 'content:sent').map(({ data }) => data.id)
    for (let { id, title, recipient, timeline } of state.deliveries) {
      if (!sent.includes(id)) continue
      let told = {
        category: 'content',
        title: `For you: ${title}`.slice(0, 200),
        key: `${room} ${id} ${timeline.length}`
      }
      notifier.notify(recipient, { ...told, actions: [{ id: 'thanks', title: 'Thanks' }] }).catch(() => {})
    }
  })
  return () => {
    stopTelling()
    for (let handler of [delivery, activities, notifier]) handler.close()
  }
}
