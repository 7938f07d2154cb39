// A feed of what friends do: repeats counted as one, then filtered, grouped and put in order as a page wants it. All of it pure.

/** What a friend may do: the event types without `friend:`. */
export const ACTIVITY_KINDS = [
  'startedPlaying',
  'stoppedPlaying',
  'startedListening',
  'stoppedListening',
  'statusChange'
] as const
export type ActivityKind = (typeof ACTIVITY_KINDS)[number]

/** How much an activity matters, as rules say; `normal` without one. */
export type ActivityPriority = 'low' | 'normal' | 'high'

/** What was done, in the words of whoever tells of it. */
export interface ActivityDetails {
  /** What is played or listened to, or the new status: 1 to 120 characters. */
  readonly title: string
  /** The artist, the level, the text beside a status: at most 200 characters. */
  readonly note: string
}

/** One line of the feed; several of the same kind about the same title in a row are one line. */
export interface FeedItem extends ActivityDetails {
  readonly id: string
  readonly friend: string
  readonly kind: ActivityKind
  readonly priority: ActivityPriority
  /** Whether a rule says that something may be made of it. */
  readonly targetable: boolean
  /** How often it happened. */
  readonly count: number
  /** Milliseconds since 1970 by the server's clock: the first and the last time. */
  readonly firstAt: number
  readonly at: number
}

/** What is repeated within this time after the last time is counted instead of listed again, in milliseconds. */
export const AGGREGATION_MS = 10 * 60_000

const RANK: Readonly<Record<ActivityPriority, number>> = { low: 0, normal: 1, high: 2 }

/**
 * The feed, newest first, with one more activity. When the same friend did the same with the same title at most
 * `AGGREGATION_MS` ago, that line counts one more and comes to the top, with the higher priority of the two.
 */
export function withActivity(
  feed: readonly FeedItem[],
  activity: Omit<FeedItem, 'count' | 'firstAt'>,
  max: number
): readonly FeedItem[] {
  let { friend, kind, title, at } = activity
  let before = feed.find(
    item => item.friend === friend && item.kind === kind && item.title === title && at - item.at <= AGGREGATION_MS
  )
  if (!before) return [{ ...activity, count: 1, firstAt: at }, ...feed].slice(0, max)
  let merged: FeedItem = {
    ...activity,
    id: before.id,
    count: before.count + 1,
    firstAt: before.firstAt,
    targetable: activity.targetable || before.targetable,
    priority: RANK[before.priority] > RANK[activity.priority] ? before.priority : activity.priority
  }
  return [merged, ...feed.filter(item => item !== before)]
}

/** What a page wants to see; what is left out does not matter. */
export interface FeedFilter {
  readonly friends?: readonly string[]
  readonly kinds?: readonly ActivityKind[]
  /** At least this. */
  readonly priority?: ActivityPriority
  readonly targetable?: boolean
  /** Occurs in title, note or friend, in whatever case. */
  readonly text?: string
  /** Milliseconds since 1970. */
  readonly since?: number
}

export function filtered(feed: readonly FeedItem[], filter: FeedFilter): readonly FeedItem[] {
  let { friends, kinds, priority = 'low', targetable, text = '', since = 0 } = filter
  let wanted = text.toLowerCase()
  return feed.filter(
    item =>
      (friends?.includes(item.friend) ?? true) &&
      (kinds?.includes(item.kind) ?? true) &&
      RANK[item.priority] >= RANK[priority] &&
      (targetable === undefined || item.targetable === targetable) &&
      item.at >= since &&
      [item.title, item.note, item.friend].some(word => word.toLowerCase().includes(wanted))
  )
}

export interface FeedGroup {
  /** The friend, the kind, or the day as `2026-11-21`. */
  readonly key: string
  readonly items: readonly FeedItem[]
  /** How often something happened in it, repeats included. */
  readonly count: number
}

/** The feed in groups, in the order in which each group's first item comes; `timeZone` says when days begin (default UTC). */
export function grouped(
  feed: readonly FeedItem[],
  by: 'friend' | 'kind' | 'day',
  timeZone = 'UTC'
): readonly FeedGroup[] {
  // Sweden writes days as ISO 8601 does.
  let day = new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short' })
  let groups = new Map<string, FeedItem[]>()
  for (let item of feed) {
    let key = by === 'day' ? day.format(item.at) : item[by]
    let items = groups.get(key)
    if (items) items.push(item)
    else groups.set(key, [item])
  }
  return [...groups].map(([key, items]) => ({
    key,
    items,
    count: items.reduce((sum, { count }) => sum + count, 0)
  }))
}

/** The most important first, and among equals the newest. */
export function byPriority(feed: readonly FeedItem[]): readonly FeedItem[] {
  return [...feed].sort((a, b) => RANK[b.priority] - RANK[a.priority] || b.at - a.at)
}
