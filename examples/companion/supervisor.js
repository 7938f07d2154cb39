// Keeps one process alive on one port: starts it, kills it on request, and brings it back after a moment.

import { fork } from 'node:child_process'

/** How long a killed server stays away, so that one can watch what its clients do meanwhile. */
const RESTART_AFTER = 4000
const STOP_WITHIN = 3000

export function createSupervisor({ script }) {
  let child = null
  let restart = null
  let stopped = false
  let env = {}
  let listeners = new Set()
  let state = { status: 'starting', port: 0, pid: null, starts: 0, restartAt: null, storage: null, note: null }

  // Whatever ends this process, the child does not outlive it.
  process.once('exit', () => child?.kill('SIGKILL'))

  function set(patch) {
    state = { ...state, ...patch }
    for (let listener of listeners) listener(state)
  }

  function launch(port) {
    clearTimeout(restart)
    set({ status: 'starting', restartAt: null })
    let starting = fork(script, [], {
      env: { ...process.env, ...env, PORT: String(port) },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc']
    })
    child = starting
    return new Promise((resolve, reject) => {
      starting.on('message', ({ type, message, ...told }) => {
        if (type === 'listening') {
          set({ status: 'running', pid: starting.pid, starts: state.starts + 1, ...told, note: told.note ?? null })
          resolve()
        } else reject(Object.assign(new Error(`The realtime server did not start: ${message}`), { code: type }))
      })
      starting.once('error', reject)
      starting.once('exit', code => {
        if (child === starting) child = null
        reject(new Error(`The realtime server ended before it listened (${code}).`))
        if (state.pid === starting.pid && !stopped) down()
      })
    })
  }

  function down() {
    set({ status: 'down', pid: null, restartAt: Date.now() + RESTART_AFTER })
    restart = setTimeout(revive, RESTART_AFTER)
  }

  function revive() {
    launch(state.port).catch(() => stopped || down())
  }

  return {
    state: () => state,
    /** Hears every change; returns a stop function. */
    listen(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    /** On `port`, or on any other when it is taken. From then on, always on the same. */
    async start({ port, env: given = {} }) {
      env = given
      try {
        await launch(port)
      } catch (error) {
        if (error.code !== 'taken') throw error
        await launch(0)
      }
    },
    /** Without a goodbye. */
    kill() {
      if (state.status === 'running') child?.kill('SIGKILL')
    },
    /** Does not wait for the moment to be over. */
    startNow() {
      if (state.status === 'down') revive()
    },
    async stop() {
      stopped = true
      clearTimeout(restart)
      let ending = child
      if (!ending) return
      await new Promise(resolve => {
        let late = setTimeout(() => ending.kill('SIGKILL'), STOP_WITHIN)
        ending.once('exit', () => {
          clearTimeout(late)
          resolve()
        })
        if (ending.connected) ending.disconnect()
        else ending.kill('SIGKILL')
      })
    }
  }
}
