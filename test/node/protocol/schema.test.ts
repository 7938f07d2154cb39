// Validators: what each takes, how it says what is wrong and where, and that nothing from outside makes them throw.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  anything,
  array,
  boolean,
  check,
  integer,
  json,
  nullable,
  number,
  object,
  oneOf,
  optional,
  record,
  type Schema,
  type StandardSchema,
  string,
  tuple
} from '../../../src/schema.js'

let deep: unknown = 'end'
for (let i = 0; i < 100_000; i++) deep = [deep]

let person = object({ name: string({ min: 1 }), age: optional(integer({ max: 150 })) })

/** Schema, what it takes, and what it refuses with the start of the message. */
let cases: Record<
  string,
  readonly [schema: Schema<unknown>, good: unknown[], bad: [value: unknown, message: string][]]
> = {
  string: [
    string(),
    ['', 'x', 'x'.repeat(4096)],
    [
      [7, 'v must be a string of 0 to 4096 characters'],
      [null, 'v must be'],
      ['x'.repeat(4097), 'v must be']
    ]
  ],
  'string with bounds': [
    string({ min: 1, max: 2 }),
    ['a', 'ab'],
    [
      ['', 'v must be a string of 1 to 2 characters'],
      ['abc', 'v must be']
    ]
  ],
  number: [
    number(),
    [0, -1.5, 1e300],
    [
      [Number.NaN, 'v must be a finite number'],
      [Infinity, 'v must be'],
      ['1', 'v must be'],
      [1n, 'v must be']
    ]
  ],
  'number with bounds': [
    number({ min: -1, max: 1 }),
    [-1, 0.5, 1],
    [
      [1.01, 'v must be a finite number from -1 to 1'],
      [-2, 'v must be']
    ]
  ],
  integer: [
    integer(),
    [0, 7, Number.MAX_SAFE_INTEGER],
    [
      [1.5, 'v must be a whole number from 0 to'],
      [-1, 'v must be'],
      [2 ** 53, 'v must be'],
      ['7', 'v must be']
    ]
  ],
  'integer with bounds': [integer({ min: -2, max: 2 }), [-2, 2], [[3, 'v must be a whole number from -2 to 2']]],
  boolean: [
    boolean(),
    [true, false],
    [
      [0, 'v must be true or false'],
      ['true', 'v must be']
    ]
  ],
  oneOf: [
    oneOf<string | number>('a', 'b', 3),
    ['a', 'b', 3],
    [
      ['c', 'v must be one of a, b, 3'],
      ['3', 'v must be']
    ]
  ],
  nullable: [
    nullable(string({ min: 1 })),
    [null, 'x'],
    [
      ['', 'v must be a string of 1'],
      [undefined, 'v must be']
    ]
  ],
  optional: [optional(integer()), [undefined, 1], [[null, 'v must be a whole number']]],
  array: [
    array(integer(), { max: 2 }),
    [[], [1, 2]],
    [
      [[1, 2, 3], 'v must be a list of at most 2 items'],
      [[1, 'x'], 'v[1] must be a whole number'],
      [{ length: 0 }, 'v must be a list']
    ]
  ],
  record: [
    record(integer(), { max: 2 }),
    [{}, { a: 1 }, Object.create(null)],
    [
      [{ a: 'x' }, 'v.a must be a whole number'],
      [{ a: 1, b: 2, c: 3 }, 'v must have at most 2 entries'],
      [{ ['k'.repeat(257)]: 1 }, 'v has a key'],
      [JSON.parse('{"__proto__": 1}'), 'v has a key'],
      [[], 'v must be an object'],
      [null, 'v must be an object'],
      [new Map(), 'v must be an object']
    ]
  ],
  object: [
    person,
    [{ name: 'x' }, { name: 'x', age: 7, more: deep }],
    [
      [{}, 'v.name must be a string'],
      [{ name: 'x', age: 200 }, 'v.age must be a whole number from 0 to 150'],
      ['x', 'v must be an object'],
      [[], 'v must be an object'],
      [new Date(), 'v must be an object']
    ]
  ],
  'object in object': [
    object({ list: array(person) }),
    [{ list: [{ name: 'x' }] }],
    [[{ list: [{ name: 'x' }, { name: '' }] }, 'v.list[1].name must be a string of 1']]
  ],
  tuple: [
    tuple(string(), integer()),
    [
      ['a', 1],
      ['a', 1, 'more']
    ],
    [
      [['a'], 'v must be a list of 2'],
      [['a', 'b'], 'v[1] must be a whole number'],
      ['a1', 'v must be a list']
    ]
  ],
  anything: [anything(), [null, undefined, 1, deep, () => {}], []],
  json: [
    json({ depth: 3 }),
    [null, 1, 'x', true, [1, { a: [null] }], { a: undefined }],
    [
      [undefined, 'v must be a value that survives JSON'],
      [Number.NaN, 'v must'],
      [() => {}, 'v must'],
      [[[[[1]]]], 'v must'],
      [new Date(), 'v must'],
      [{ a: 1n }, 'v must'],
      [deep, 'v must'],
      [Symbol('s'), 'v must']
    ]
  ]
}

describe.each(Object.entries(cases))('%s', (_, [schema, good, bad]) => {
  test.each(good.map(value => [value]))('takes %#', value => {
    expect(check(schema, value, 'v')).toEqual({ ok: true, value })
    expect(schema['~standard'].validate(value)).toEqual({ value })
  })
  test.each(bad)('refuses %#', (value, message) => {
    let result = check(schema, value, 'v')
    expect(result).toEqual({ ok: false, message: expect.stringContaining(message) })
    expect(schema['~standard'].validate(value)).toMatchObject({
      issues: [{ message: expect.stringContaining(message.replace(/^v/, 'value')) }]
    })
  })
  test('describes itself', () => {
    expect(schema.describe.length).toBeGreaterThan(3)
    expect(schema['~standard']).toMatchObject({ version: 1, vendor: 'realtime-stores' })
  })
})

test('a field that is inherited counts as absent', () => {
  for (let name of ['constructor', 'toString', '__proto__'])
    expect(check(object({ [name]: string() }), {}, 'v')).toMatchObject({ ok: false })
})

describe('schemas of others', () => {
  let standard = <T>(validate: StandardSchema<T>['~standard']['validate']): StandardSchema<T> => ({
    '~standard': { version: 1, vendor: 'somebody', validate }
  })

  test('are asked by the Standard Schema interface; what they return is taken', () => {
    let trimmed = standard(value => ({ value: String(value).trim() }))
    expect(check(trimmed, ' x ', 'v')).toEqual({ ok: true, value: 'x' })
  })

  test('say where by a path of keys or of objects with keys', () => {
    let refusing = standard(() => ({
      issues: [{ message: 'is odd', path: ['a', { key: 0 }, Symbol('s')] }, { message: 'more' }]
    }))
    expect(check(refusing, 1, 'v')).toEqual({ ok: false, message: 'v.a.0.Symbol(s): is odd' })
    let silent = standard(() => ({ issues: [] }))
    expect(check(silent, 1, 'v')).toEqual({ ok: false, message: 'v: is not valid' })
  })

  test('that throw refuse', () => {
    let throwing = standard(() => {
      throw new TypeError('oh')
    })
    expect(check(throwing, 1, 'v')).toMatchObject({ ok: false, message: expect.stringContaining('TypeError: oh') })
  })

  test('that are asynchronous are refused, and their failure is nobody’s', async () => {
    let late = standard(async () => ({ value: 1 }))
    expect(check(late, 1, 'v')).toEqual({ ok: false, message: 'v: asynchronous schemas are not supported' })
    let failing = standard(() => Promise.reject(new Error('late')))
    expect(check(failing, 1, 'v')).toMatchObject({ ok: false })
    // biome-ignore lint/suspicious/noThenProperty: a promise as other libraries make them.
    let thenable = standard(() => ({ then: (resolve: (value: unknown) => void) => resolve({ value: 1 }) }) as never)
    expect(check(thenable, 1, 'v')).toMatchObject({ ok: false })
    await new Promise(resolve => setTimeout(resolve, 2))
  })

  test('may be functions, as some libraries have it', () => {
    let callable = Object.assign(
      () => {},
      standard(value => ({ value }))
    )
    expect(check(callable, 7, 'v')).toEqual({ ok: true, value: 7 })
  })
})

test('whatever comes, nothing throws, and what is taken is of the right shape', () => {
  let nasty = fc.oneof(
    fc.anything({ withBigInt: true, withDate: true, withMap: true, withNullPrototype: true }),
    fc.jsonValue()
  )
  fc.assert(
    fc.property(nasty, value => {
      for (let [schema] of Object.values(cases)) {
        let result = check(schema, value, 'v')
        if (!result.ok) expect(typeof result.message).toBe('string')
      }
      let taken = check(person, value, 'v')
      if (taken.ok) expect(typeof (value as { name: unknown }).name).toBe('string')
      if (check(json(), value, 'v').ok) expect(JSON.stringify(value)).not.toBe(undefined)
    }),
    { numRuns: 1000, seed: 2 }
  )
})
