// Settings that are described by data, so that a page can draw their form and a server can check them. Pure.

import { array, json, number, object, oneOf, optional, type Schema, string } from '../schema.js'

export type SettingValue = string | number | boolean
export type ClientSettings = Readonly<Record<string, SettingValue>>

/** One setting: what it may be, and what it is until somebody changes it. */
export interface SettingField {
  /** 1 to 64 characters. */
  readonly name: string
  readonly label: string
  readonly kind: 'number' | 'text' | 'boolean' | 'choice'
  readonly default: SettingValue
  /** Of numbers; of texts, their length. */
  readonly min?: number | undefined
  readonly max?: number | undefined
  readonly choices?: readonly string[] | undefined
}

const name = string({ min: 1, max: 64 })

/** A text, a number, or true or false; `problemOfSettings` says whether it is one that the setting may have. */
export const settingValue = json({ depth: 0 }) as Schema<SettingValue>

export const settingField: Schema<SettingField> = object({
  name,
  label: name,
  kind: oneOf('number', 'text', 'boolean', 'choice'),
  default: settingValue,
  min: optional(number()),
  max: optional(number()),
  choices: optional(array(name, { max: 20 }))
})

/** What is wrong with settings, naming one, or `null`. They need not be complete, but at least one. */
export function problemOfSettings(fields: readonly SettingField[], settings: ClientSettings): string | null {
  let names = Object.keys(settings ?? {})
  if (names.length === 0) return 'must name at least one setting'
  for (let name of names) {
    let field = fields.find(field => field.name === name)
    if (!field) return `there is no setting «${name}»`
    let problem = problemOf(field, settings[name])
    if (problem !== null) return `${name} must be ${problem}`
  }
  return null
}

function problemOf(
  { kind, min = -Infinity, max = Infinity, choices = [] }: SettingField,
  value: unknown
): string | null {
  if (kind === 'boolean') return typeof value === 'boolean' ? null : 'true or false'
  if (kind === 'choice') return choices.includes(value as string) ? null : `one of ${choices.join(', ')}`
  if (kind === 'number') {
    let isGood = typeof value === 'number' && Number.isFinite(value) && value >= min && value <= max
    return isGood ? null : `a number from ${min} to ${max}`
  }
  let most = Math.min(max, 1000)
  let isGood = typeof value === 'string' && value.length >= min && value.length <= most
  return isGood ? null : `a text of ${Math.max(0, min)} to ${most} characters`
}
