// Text to frames and back. Whatever comes from outside is checked once, here; bad frames are counted, never thrown.

import { check } from '../schema.js'
import { type Frame, type FrameName, frames } from './frames.js'

export interface Decoded {
  readonly frames: readonly Frame[]
  /** One sentence per frame that was dropped; a frame with an unknown name is ignored and not listed. */
  readonly bad: readonly string[]
}

/** Reads a message. A text that is no array of objects yields no frame and one entry in `bad`. */
export function decode(text: string): Decoded {
  let message: unknown
  try {
    message = JSON.parse(text)
  } catch {
    return { frames: [], bad: ['the message is not JSON'] }
  }
  if (!Array.isArray(message)) return { frames: [], bad: ['the message is not a list of frames'] }
  let good: Frame[] = []
  let bad: string[] = []
  for (let item of message as unknown[]) {
    let name = (item as { f?: unknown } | null)?.f
    if (typeof name !== 'string') {
      bad.push('a frame has no name')
      continue
    }
    if (!Object.hasOwn(frames, name)) continue
    let result = check<unknown>(frames[name as FrameName], item, name)
    if (result.ok) good.push(item as Frame)
    else bad.push(result.message)
  }
  return { frames: good, bad }
}

/** Writes one frame; a message is `[frame,frame,…]`, so that one broadcast is written once and shared. */
export function encodeFrame(frame: Frame): string {
  return JSON.stringify(frame)
}

/** Joins encoded frames into a message. */
export function joinFrames(encoded: readonly string[]): string {
  return `[${encoded.join(',')}]`
}

/**
 * Joins encoded frames into messages of at most `max` bytes. A frame that is larger goes alone: whoever made it has checked
 * its size.
 */
export function packFrames(encoded: readonly string[], max: number): string[] {
  // A character takes at most three bytes in UTF-8.
  if (encoded.reduce((sum, text) => sum + text.length + 1, 1) * 3 <= max) return [joinFrames(encoded)]
  let messages: string[] = []
  let part: string[] = []
  let size = 2
  for (let text of encoded) {
    let bytes = byteLength(text) + 1
    if (part.length && size + bytes > max) {
      messages.push(joinFrames(part))
      part = []
      size = 2
    }
    part.push(text)
    size += bytes
  }
  messages.push(joinFrames(part))
  return messages
}

/** How many bytes a text takes on the wire (UTF-8). */
export function byteLength(text: string): number {
  let bytes = text.length
  for (let i = 0; i < text.length; i++) {
    let unit = text.charCodeAt(i)
    if (unit < 0x80) continue
    // Both halves of a surrogate pair count two; everything else above 0x7ff counts three.
    bytes += unit < 0x800 || (unit >= 0xd800 && unit <= 0xdfff) ? 1 : 2
  }
  return bytes
}
