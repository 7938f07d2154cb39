// Numbers of several rounds, and how they are shown: the median, and between brackets the lowest and the highest.

/** @param {number[]} values */
export function median(values) {
  let sorted = [...values].sort((a, b) => a - b)
  let middle = sorted.length >> 1
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/** Ours to theirs, round by round, so that what slows a whole round down counts on both sides. */
export function ratio(ours, theirs) {
  return ours.map((value, round) => value / theirs[round])
}

export function times(ratios) {
  let [low, middle, high] = [Math.min(...ratios), median(ratios), Math.max(...ratios)].map(short)
  return `${middle}× (${low}–${high})`
}

/** Two digits that matter. */
export function short(value) {
  if (value >= 100) return String(Math.round(value))
  return String(Number(value.toPrecision(2)))
}

/** A Markdown table that is also readable as plain text. */
export function table(head, rows) {
  let widths = head.map((_, i) => Math.max(...[head, ...rows].map(row => row[i].length)))
  let line = row => `| ${row.map((cell, i) => cell.padEnd(widths[i])).join(' | ')} |`
  return [line(head), line(widths.map(width => '-'.repeat(width))), ...rows.map(line)].join('\n')
}
