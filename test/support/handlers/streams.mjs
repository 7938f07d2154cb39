// Orders for streams of the app's own code.

export function install(hub) {
  return {
    /** Casts where `by` points `count` times in `ms` milliseconds, evenly; answers when all is said. */
    async point({ room, by, count, ms, type = 'at' }) {
      let start = performance.now()
      for (let i = 0; i < count; ) {
        let due = Math.min(count, Math.ceil(((performance.now() - start) / ms) * count))
        for (; i < due; i++) hub.room(room).cast('pointer', type, { x: i }, { by })
        await new Promise(resolve => setTimeout(resolve, 1))
      }
      return performance.now() - start
    }
  }
}
