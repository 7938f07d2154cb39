// What the companion looks like: expressions as curves, gestures and animations as keyframes.

const round = { rx: 7, ry: 8 }

/** Mouth as a path around (160, 142); eyes as ellipses; `closed` eyes are drawn as arcs. */
export let EXPRESSIONS = {
  neutral: { mouth: 'M147 142 Q160 145 173 142', left: round, right: round },
  smile: { mouth: 'M141 138 Q160 158 179 138', left: round, right: round },
  laugh: { mouth: 'M139 136 Q160 172 181 136 Q160 142 139 136 Z', closed: 'both' },
  wink: { mouth: 'M143 140 Q163 157 178 136', left: round, closed: 'right' },
  tender: { mouth: 'M147 140 Q160 152 173 140', closed: 'both', blush: true },
  surprised: {
    mouth: 'M160 134 Q170 134 170 146 Q170 158 160 158 Q150 158 150 146 Q150 134 160 134 Z',
    left: { rx: 8, ry: 11 },
    right: { rx: 8, ry: 11 }
  },
  thoughtful: { mouth: 'M149 145 Q162 138 175 144', left: { rx: 7, ry: 6, dy: -3 }, right: { rx: 7, ry: 8, dy: -3 } },
  sad: { mouth: 'M145 149 Q160 134 175 149', left: { rx: 6, ry: 7, dy: 2 }, right: { rx: 6, ry: 7, dy: 2 } }
}

export let MOODS = ['happy', 'calm', 'loving', 'playful', 'excited', 'thoughtful', 'sleepy', 'sad']

let rest = { transform: 'none' }

/** For each part of the picture, keyframes; played once. */
export let GESTURES = {
  wave: {
    hand: [
      rest,
      { transform: 'translate(8px, -46px) rotate(-24deg)' },
      { transform: 'translate(8px, -46px) rotate(20deg)' },
      { transform: 'translate(8px, -46px) rotate(-24deg)' },
      { transform: 'translate(8px, -46px) rotate(20deg)' },
      rest
    ]
  },
  nod: { body: [rest, { transform: 'translateY(9px)' }, rest, { transform: 'translateY(9px)' }, rest] },
  hug: {
    body: [rest, { transform: 'scale(1.12)' }, { transform: 'scale(1.12)' }, rest],
    hand: [rest, { transform: 'translate(-40px, 4px)' }, { transform: 'translate(-40px, 4px)' }, rest]
  },
  kiss: {
    body: [rest, { transform: 'translateX(4px) rotate(4deg)' }, rest],
    heart: [
      { opacity: 0, transform: 'translateY(0) scale(.4)' },
      { opacity: 1, transform: 'translateY(-26px) scale(1)' },
      { opacity: 0, transform: 'translateY(-70px) scale(1.2)' }
    ]
  },
  shrug: {
    body: [rest, { transform: 'scaleY(.93) translateY(6px)' }, rest],
    hand: [rest, { transform: 'translateY(-16px)' }, rest]
  }
}
export const GESTURE_MS = 1600

/** Played again and again for their time, in milliseconds. */
export let ANIMATIONS = {
  dance: {
    ms: 6000,
    every: 800,
    body: [
      { transform: 'rotate(-7deg)' },
      { transform: 'translateY(-10px)' },
      { transform: 'rotate(7deg)' },
      { transform: 'translateY(-10px)' },
      { transform: 'rotate(-7deg)' }
    ]
  },
  breathe: { ms: 8000, every: 4000, body: [rest, { transform: 'scale(1.08)' }, rest] },
  twirl: { ms: 4000, every: 2000, body: [rest, { transform: 'scaleX(-1)' }, rest] },
  float: { ms: 10_000, every: 5000, body: [rest, { transform: 'translateY(-16px)' }, rest] }
}

export let SCENES = [
  { id: 'romantic_garden', label: 'Romantic garden' },
  { id: 'starlit_beach', label: 'Starlit beach' },
  { id: 'cloud_library', label: 'Library in the clouds' }
]
