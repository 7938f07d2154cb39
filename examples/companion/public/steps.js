// A feature of this demo's own, run by the page and by the server: steps walked together. Every step carries a number, so
// that a missing, doubled or misplaced one would be seen. It is handed the library, for page and server import it differently.

/** Walks whose last number is remembered, for each user. */
const MAX_WALKS = 20

export function stepsFeature({ defineFeature, durable, object, string, integer }) {
  return defineFeature({
    name: 'steps',
    version: 1,
    events: { stepped: durable(object({ walk: string({ min: 1, max: 64 }), n: integer({ min: 1 }) })) },
    initial: { walkers: {} },
    reduce: {
      stepped({ walkers }, { walk, n }, { actor }) {
        let { count, faults, walks } = Object.hasOwn(walkers, actor)
          ? walkers[actor]
          : { count: 0, faults: 0, walks: [] }
        let before = walks.find(known => known.walk === walk)?.n ?? 0
        let walker = {
          count: count + 1,
          faults: n === before + 1 ? faults : faults + 1,
          walks: [...walks.filter(known => known.walk !== walk), { walk, n }].slice(-MAX_WALKS)
        }
        return { walkers: { ...walkers, [actor]: walker } }
      }
    },
    commands: { step: (_, walk, n) => ({ type: 'stepped', data: { walk, n } }) }
  })
}
