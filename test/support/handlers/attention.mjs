// What the server of the tests about notifications, activities and content runs besides the features.

import { createActivities } from '../../../dist/handlers/activity.js'
import { createContentDelivery } from '../../../dist/handlers/content.js'
import { createNotifier } from '../../../dist/handlers/notifier.js'

let rules = [
  {
    when: { kinds: ['startedPlaying'], title: 'chess' },
    targetable: true,
    priority: 'high',
    notify: { title: '{friend} plays {title}' }
  }
]

/** `slow` content takes so long that the server can be killed in the midst of it; `broken` fails at first. */
async function deliver({ title, attempt }) {
  if (title === 'slow') await new Promise(resolve => setTimeout(resolve, 500))
  if (title === 'broken' && attempt < 3) throw new Error('the post office is closed')
  return { body: `${title}, delivered` }
}

export function install(hub) {
  let report = (...what) => console.error(JSON.stringify(what))
  let notifier = createNotifier({ hub, report })
  createActivities({ hub, notifier, rules, report })
  createContentDelivery({
    hub,
    deliver,
    preview: async ({ template, data }) => ({ title: `${template} for ${data.name}` }),
    backOff: [50, 100],
    report
  })
  return { notify: ({ user, ...notification }) => notifier.notify(user, notification) }
}
