// A network cable that can be pulled: the way to the server as the library wants it, with a switch in it. Pulled, nobody is
// told; what is sent is lost, and new connections fail.

export function createCable() {
  let plugged = true
  let lines = new Set()

  function connect(url, sink) {
    if (!plugged) return deadLine(sink)
    let socket = new WebSocket(url)
    let line = { alive: true, closed: false, pull, end }
    lines.add(line)
    socket.onopen = () => line.alive && sink.opened()
    socket.onmessage = ({ data }) => line.alive && sink.message(data)
    socket.onclose = ({ code, reason }) => line.alive && end(code, reason)

    function pull() {
      line.alive = false
      socket.close(3001, 'the cable was pulled')
    }
    function end(code, reason) {
      lines.delete(line)
      if (line.closed) return
      line.closed = true
      sink.closed(code, reason)
    }

    return {
      send(text) {
        if (!line.alive) return true // into the void, as with a real cable
        if (socket.readyState !== WebSocket.OPEN) return false
        socket.send(text)
        return true
      },
      close(code = 1000, reason = '') {
        line.closed = true
        lines.delete(line)
        if (line.alive) socket.close(code, reason)
      },
      buffered: () => (line.alive ? socket.bufferedAmount : 0),
      transport: 'websocket'
    }
  }

  return {
    connect,
    get plugged() {
      return plugged
    },
    pull() {
      plugged = false
      for (let line of lines) line.pull()
    },
    plug() {
      plugged = true
      // Lines that lost what was sent into them must not go on.
      for (let line of [...lines]) if (!line.alive) line.end(1006, '')
    }
  }
}

function deadLine(sink) {
  let failing = setTimeout(() => sink.closed(1006, ''), 50)
  return { send: () => false, close: () => clearTimeout(failing), buffered: () => 0, transport: 'websocket' }
}
