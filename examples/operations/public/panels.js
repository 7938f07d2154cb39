// The panels of the page, in order. Each is a file with `title`, `isForAdmins` and `mount(body, context)`, where `context` is
// `{ client, me, isAdmin, say }`: `say(text)` tells a thing to everyone, also to who does not see it.

import * as activity from './panels/activity.js'
import * as alerts from './panels/alerts.js'
import * as analytics from './panels/analytics.js'
import * as clients from './panels/clients.js'
import * as content from './panels/content.js'
import * as metrics from './panels/metrics.js'
import * as notifications from './panels/notifications.js'
import * as reports from './panels/reports.js'
import * as sessions from './panels/sessions.js'

export let panels = { metrics, clients, alerts, notifications, activity, content, sessions, analytics, reports }
