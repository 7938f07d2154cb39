// The card of the server: whether it runs, and the buttons that kill and start it.

import { show, text, tick } from './dom.js'

/** Resolves to a function that tells the server's address, once it is known. */
export function watchServer() {
  let state = null
  let parts = Object.fromEntries(['state', 'more'].map(name => [name, document.querySelector(`.server-${name}`)]))
  let kill = document.querySelector('#kill')
  let start = document.querySelector('#start')
  let card = document.querySelector('.server')

  kill.addEventListener('click', () => ask('kill'))
  start.addEventListener('click', () => ask('start'))
  tick(render)

  async function ask(what) {
    try {
      await fetch(`/server/${what}`, { method: 'POST' })
    } catch {
      gone()
    }
  }

  function gone() {
    state = state && { ...state, status: 'gone' }
    render()
  }

  function render() {
    if (!state) return
    let { status, port, pid, starts, restartAt } = state
    card.dataset.status = status
    text(
      parts.state,
      { running: 'Running', starting: 'Starting …', down: 'Killed', gone: 'The demo was stopped' }[status]
    )
    let seconds = restartAt === null ? 0 : Math.max(0, Math.ceil((restartAt - Date.now()) / 1000))
    text(
      parts.more,
      status === 'running'
        ? `Port ${port}, process ${pid}${starts > 1 ? `, started ${starts} times` : ''}`
        : status === 'down'
          ? `Comes back on port ${port} in ${seconds} s`
          : status === 'gone'
            ? 'Run npm start again; what you did is kept.'
            : `On port ${port}`
    )
    kill.disabled = status !== 'running'
    show(start, status === 'down')
  }

  return new Promise(resolve => {
    let events = new EventSource('/server/events')
    events.onmessage = ({ data }) => {
      state = JSON.parse(data)
      render()
      resolve(() => `ws://${location.hostname}:${state.port}/`)
    }
    events.onerror = gone
  })
}
