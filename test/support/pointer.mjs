// A feature with a stream of 30 a second, where everybody points, and one as fast as it goes. Made of whichever build of the library is at hand, for the
// page and the server must agree on it.

/** Must use nothing from outside: pages get its text. */
export function pointerOf({ defineFeature, integer, object, volatile }) {
  return defineFeature({
    name: 'pointer',
    version: 1,
    events: {
      at: volatile(object({ x: integer() }), { rate: 30, seconds: 60 }),
      fast: volatile(object({ x: integer() }), { rate: 1000, seconds: 60 })
    },
    initial: {},
    reduce: {
      at: (state, { x }, { actor }) => ({ ...state, [actor]: x }),
      fast: (state, { x }, { actor }) => ({ ...state, [actor]: x })
    },
    commands: { point: (_, x) => ({ type: 'at', data: { x } }) }
  })
}
