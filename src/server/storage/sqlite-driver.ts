// One small face over the two SQLite engines that a Node process may have: the one that is built in, and the package libsql.

import { createRequire } from 'node:module'
import process from 'node:process'
import { RealtimeError } from '../../errors.js'

export type SqlValue = string | number | null

export interface SqlStatement {
  run(...values: SqlValue[]): unknown
  get(...values: SqlValue[]): unknown
  all(...values: SqlValue[]): unknown[]
}

export interface SqlDatabase {
  exec(sql: string): unknown
  prepare(sql: string): SqlStatement
  close(): void
}

type OpenDatabase = new (file: string) => SqlDatabase

/** Opens a database file. Throws one clear sentence where there is no engine. */
export function openDatabase(file: string): SqlDatabase {
  let Database = builtIn() ?? installed()
  if (!Database) {
    throw new RealtimeError('unsupported', `This Node (${process.version}) has no node:sqlite. Run: npm install libsql`)
  }
  return new Database(file)
}

function builtIn(): OpenDatabase | null {
  let builtIns = process as { getBuiltinModule?: (name: string) => unknown }
  let sqlite = builtIns.getBuiltinModule?.('node:sqlite') as { DatabaseSync?: OpenDatabase } | undefined
  return sqlite?.DatabaseSync ?? null
}

function installed(): OpenDatabase | null {
  try {
    return createRequire(import.meta.url)('libsql') as OpenDatabase
  } catch (error) {
    if ((error as { code?: string }).code === 'MODULE_NOT_FOUND') return null
    throw error
  }
}
