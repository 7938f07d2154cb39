// The fenced blocks of a Markdown file. A block whose first line is a comment with a file name (`// votes.ts`) is that file
// for the other blocks of the same document. A line `<!-- given: declare let x: number -->` above a block is put before its code.

import { readFileSync } from 'node:fs'
import { basename } from 'node:path'

export interface Block {
  /** `README.md:27`, for messages. */
  readonly where: string
  readonly language: string
  /** `votes.ts`, if the block has a name. */
  readonly name: string | null
  readonly code: string
}

export function blocksOf(file: string): Block[] {
  let lines = readFileSync(file, 'utf8').split('\n')
  let blocks: Block[] = []
  for (let start = 0; start < lines.length; start++) {
    let language = /^```(\w+)$/.exec(lines[start] as string)?.[1]
    if (language === undefined) continue
    let end = lines.indexOf('```', start)
    if (end < 0) throw new Error(`${file}:${start + 1}: the block has no end`)
    let body = lines.slice(start + 1, end)
    let given = /^<!-- given: (.*) -->$/.exec(lines.slice(0, start).findLast(line => line.trim() !== '') ?? '')?.[1]
    blocks.push({
      where: `${basename(file)}:${start + 1}`,
      language,
      name: /^\/\/ ([\w.-]+\.(?:ts|tsx|js|mjs))$/.exec(body[0] ?? '')?.[1] ?? null,
      code: [...(given === undefined ? [] : [given]), ...body].join('\n')
    })
    start = end
  }
  return blocks
}

/** The first cells of the rows of the table below a line that starts with `under`. */
export function rowsOf(text: string, under: string): string[][] {
  let lines = text.split('\n')
  let from = lines.findIndex(line => line.startsWith(under))
  if (from < 0) throw new Error(`there is no line «${under}…»`)
  let head = lines.findIndex((line, i) => i > from && line.startsWith('|'))
  let rows = lines.slice(head + 2)
  return rows
    .slice(
      0,
      rows.findIndex(line => !line.startsWith('|'))
    )
    .map(row =>
      row
        .split(/(?<!\\)\|/)
        .slice(1, -1)
        .map(cell => cell.trim())
    )
}

/** The texts between backticks. */
export function wordsIn(cell: string): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(match => match[1] as string)
}
