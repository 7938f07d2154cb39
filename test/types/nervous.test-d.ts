// Calls of shared state and tasks that must compile, and calls that must not. Checked by the type checker alone; never run.

import type { ReadableAtom } from 'nanostores'
import type { Handle, Receipt } from '../../src/feature.js'
import type { LimbicState, limbic } from '../../src/features/limbic.js'
import type { PostureState, posture } from '../../src/features/posture.js'
import { type SharedState, sharedState } from '../../src/features/shared-state.js'
import { type TasksState, type tasks, tasksOf } from '../../src/features/tasks.js'
import { createTaskRunner } from '../../src/handlers/tasks.js'
import { inWorker } from '../../src/handlers/worker-thread.js'
import { boolean, integer, number, object, oneOf, optional } from '../../src/schema.js'
import type { Hub } from '../../src/server/hub.js'

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const same = <A, B>(_: Same<A, B>): void => {}

const lamp = sharedState({
  name: 'lamp',
  version: 1,
  fields: { on: boolean(), brightness: number({ min: 0, max: 1 }), colour: oneOf('warm', 'cold') },
  initial: { on: false, brightness: 0.5, colour: 'warm' }
})

declare const room: { lamp: Handle<typeof lamp>; limbic: Handle<typeof limbic>; posture: Handle<typeof posture> }

export function sharedStates(): void {
  same<typeof lamp.name, 'lamp'>(true)
  same<
    typeof room.lamp.$state,
    ReadableAtom<SharedState<{ readonly on: boolean; readonly brightness: number; readonly colour: 'warm' | 'cold' }>>
  >(true)
  same<typeof room.limbic.$state, ReadableAtom<LimbicState>>(true)
  same<typeof room.posture.$state, ReadableAtom<PostureState>>(true)

  let receipt: Receipt = room.lamp.patch({ on: true })
  receipt = room.lamp.patch({ brightness: 0.2, colour: 'cold' }, { basedOn: room.lamp.$state.get().versions })
  receipt = room.limbic.patch({ joy: 0.1 }, { basedOn: { joy: 3 } })
  receipt = room.posture.switchPosture('resting', { pace: 0.3, lights: 'dim', open: true })
  void receipt
  let { values, versions } = room.lamp.$state.get()
  same<typeof values.colour, 'warm' | 'cold'>(true)
  same<typeof versions.colour, number>(true)

  // @ts-expect-error there is no such field
  room.lamp.patch({ luck: 1 })
  // @ts-expect-error a field is of its own type
  room.lamp.patch({ on: 1 })
  // @ts-expect-error one of the words
  room.lamp.patch({ colour: 'blue' })
  // @ts-expect-error absent is not undefined
  room.lamp.patch({ on: undefined })
  // @ts-expect-error a version is a number
  room.lamp.patch({ on: true }, { basedOn: { on: true } })
  // @ts-expect-error versions are of fields
  room.lamp.patch({ on: true }, { basedOn: { luck: 1 } })
  // @ts-expect-error state is only changed by patches
  room.lamp.$state.get().values.on = true
  // @ts-expect-error there is no such variable
  room.limbic.patch({ luck: 0.5 })
  // @ts-expect-error settings are flat
  room.posture.switchPosture('resting', { deep: { a: 1 } })
  // @ts-expect-error the beginning is whole
  sharedState({ name: 'x', version: 1, fields: { on: boolean(), level: number() }, initial: { on: true } })
  // @ts-expect-error the beginning is of the fields' types
  sharedState({ name: 'x', version: 1, fields: { on: boolean() }, initial: { on: 1 } })
}

const dreams = tasksOf({ 'dream-cycle': object({ nights: integer() }), nap: optional(object({ minutes: integer() })) })
declare const own: { tasks: Handle<typeof tasks>; dreams: Handle<typeof dreams> }

export function taskCalls(): void {
  same<typeof own.tasks.$state, ReadableAtom<TasksState>>(true)
  same<typeof own.dreams.$state, ReadableAtom<TasksState>>(true)
  let receipt: Receipt = own.tasks.startTask('anything', { at: 'all' }, { priority: 'urgent' })
  receipt = own.tasks.startTask('anything')
  receipt = own.dreams.startTask('dream-cycle', { nights: 3 })
  receipt = own.dreams.startTask('nap', { minutes: 20 }, { priority: 'normal' })
  receipt = own.dreams.startTask('nap')
  receipt = own.dreams.cancelTask(receipt.id)
  receipt = own.tasks.clearTask(receipt.id)

  // @ts-expect-error there is no such kind
  own.dreams.startTask('nightmare', { nights: 3 })
  // @ts-expect-error this kind needs its input
  own.dreams.startTask('dream-cycle')
  // @ts-expect-error the input of another kind
  own.dreams.startTask('dream-cycle', { minutes: 20 })
  // @ts-expect-error there is no such priority
  own.tasks.startTask('anything', null, { priority: 'high' })
  // @ts-expect-error progress is the server's to tell
  own.tasks.progress
  // @ts-expect-error the history is read, not written
  own.tasks.$state.get().tasks.push()
}

declare const hub: Hub

export function runners(): void {
  createTaskRunner({
    hub,
    feature: dreams,
    tasks: {
      'dream-cycle': {
        run: ({ nights }, { progress }) => {
          same<typeof nights, number>(true)
          progress(nights)
        }
      },
      nap: { run: inWorker('./nap.js'), attempts: 2 }
    }
  })
  createTaskRunner({ hub, tasks: { any: { run: (input, { signal }) => [input, signal] } } })
  createTaskRunner({ hub, tasks: { any: { run: ({ nights }: { nights: number }) => nights } } })
  // @ts-expect-error nobody does the other kind
  createTaskRunner({ hub, feature: dreams, tasks: { 'dream-cycle': { run: () => {} } } })
  createTaskRunner({
    hub,
    feature: dreams,
    // @ts-expect-error the input of another kind
    tasks: { 'dream-cycle': { run: (_: { minutes: number }) => {} }, nap: { run() {} } }
  })
}
