// Notifications of the system, through the Notifications API.

import type { Notifications, Stop } from '../ports.js'

/** System notifications, or `null` where the browser has none. Nothing is asked of the person before `ask` is called. */
export function createNotifications(): Notifications | null {
  if (typeof Notification === 'undefined') return null
  return {
    permission: () => Notification.permission,
    ask: () => Notification.requestPermission(),
    focused: () => document.hasFocus(),
    show(title, { onClick, ...options }) {
      if (Notification.permission !== 'granted') return () => {}
      let shown: Notification
      try {
        shown = new Notification(title, options)
      } catch {
        // Browsers on phones show them through the service worker only.
        return showByWorker(title, options)
      }
      shown.onclick = () => {
        window.focus()
        shown.close()
        onClick?.()
      }
      return () => shown.close()
    }
  }
}

/** A click is then the service worker's to handle. */
function showByWorker(title: string, options: { readonly body?: string; readonly tag?: string }): Stop {
  let stopped = false
  let shown: { close(): void } | undefined
  async function show() {
    let registration = await navigator.serviceWorker?.getRegistration()
    if (!registration || stopped) return
    // Without a tag, what was shown could not be found again.
    let tag = options.tag ?? `realtime-${Date.now()}-${Math.random()}`
    await registration.showNotification(title, { ...options, tag })
    shown = (await registration.getNotifications({ tag }))[0]
    if (stopped) shown?.close()
  }
  show().catch(() => {})
  return () => {
    stopped = true
    shown?.close()
  }
}
