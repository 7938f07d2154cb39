// A switch in the way to the server. Off, open sockets close and new ones lead nowhere.

export function createNetwork() {
  let isOn = true
  let sockets = new Set()
  class Switched extends WebSocket {
    constructor(url, protocols) {
      // Nobody answers there: an attempt waits, as on a network that swallows everything.
      super(isOn ? url : new URL('/nowhere', url), protocols)
      sockets.add(this)
      this.addEventListener('close', () => sockets.delete(this))
    }
  }
  return {
    WebSocket: Switched,
    turn(on) {
      isOn = on
      for (let socket of sockets) socket.close()
    }
  }
}
