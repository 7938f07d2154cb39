// A feature with two priorities, whose state is small however much happens: it tells what an alarm has overtaken, and what came
// twice or too early. Made of whichever build of the library is at hand, for the page and the server must agree on it.

/** Must use nothing from outside: pages get its text. */
export function lanesOf({ defineFeature, durable, integer, object }) {
  return defineFeature({
    name: 'lanes',
    version: 1,
    events: {
      step: durable(object({ i: integer() })),
      alarm: durable(object({ i: integer() }), { lane: 'critical' })
    },
    initial: { steps: 0, faults: 0, alarms: [] },
    reduce: {
      step: (state, { i }) => ({ ...state, steps: i + 1, faults: state.faults + (i === state.steps ? 0 : 1) }),
      // How many steps had been taken before it.
      alarm: state => ({ ...state, alarms: [...state.alarms, state.steps] })
    },
    commands: {
      step: (_, i) => ({ type: 'step', data: { i } }),
      alarm: (_, i) => ({ type: 'alarm', data: { i } })
    }
  })
}
