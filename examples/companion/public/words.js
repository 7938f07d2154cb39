// How things are said on this page.

let NAMES = { ada: 'Ada', ben: 'Ben' }

export function nameOf(user) {
  return NAMES[user] ?? user
}

/** `romantic_garden` → `Romantic garden`, `memberJoined` → `Member joined` */
export function spoken(word) {
  let plain = String(word)
    .replaceAll('_', ' ')
    .replace(/([a-z])([A-Z])/g, (_, a, b) => `${a} ${b.toLowerCase()}`)
    .replace(/^(ai|vr)\b/, short => short.toUpperCase())
  return plain.charAt(0).toUpperCase() + plain.slice(1)
}

export function plural(count, one, many = `${one}s`) {
  return `${count.toLocaleString('en')} ${count === 1 ? one : many}`
}

export function percent(share) {
  return `${Math.round(share * 100)} %`
}

export function ago(at, now = Date.now()) {
  let seconds = Math.max(0, Math.round((now - at) / 1000))
  if (seconds < 5) return 'just now'
  if (seconds < 60) return `${seconds} s ago`
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ago`
  return new Date(at).toLocaleDateString('en', { day: 'numeric', month: 'short' })
}

export function clockTime(at) {
  return new Date(at).toLocaleTimeString('en-GB')
}

export function size(characters) {
  return `${characters < 1000 ? characters : `${(characters / 1000).toFixed(1)} thousand`} characters`
}

export function kilo(characters) {
  return `${(characters / 1000).toFixed(1)} k`
}

export function milliseconds(ms) {
  return ms === null ? '–' : `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`
}
