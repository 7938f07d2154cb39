// Rules of an app about what friends do: what may be made use of, what matters, and what somebody is told of. Pure.

import type { ActivityDetails, ActivityKind, ActivityPriority } from './activity-feed.js'

/** What a rule looks at. */
export interface Activity extends ActivityDetails {
  readonly friend: string
  readonly kind: ActivityKind
}

/** What a rule's notification says; `{friend}`, `{title}`, `{note}` and `{kind}` are filled in. */
export interface ActivityNotice {
  /** Default `friends`. */
  readonly category?: string
  /** Default `normal`. */
  readonly priority?: 'low' | 'normal' | 'high' | 'urgent'
  /** At most 200 characters after filling in; longer ones are cut. */
  readonly title: string
  /** At most 1,000. */
  readonly body?: string
}

/** One rule: everything in `when` must hold, and what is left out does not matter. */
export interface ActivityRule {
  readonly when: {
    readonly kinds?: readonly ActivityKind[]
    readonly friends?: readonly string[]
    /** Occurs in the title, in whatever case. */
    readonly title?: string
  }
  readonly priority?: ActivityPriority
  readonly targetable?: boolean
  readonly notify?: ActivityNotice
}

/** What all rules together say. */
export interface Verdict {
  readonly priority: ActivityPriority
  readonly targetable: boolean
  readonly notify: Required<ActivityNotice> | null
}

function holds({ kinds, friends, title }: ActivityRule['when'], activity: Activity): boolean {
  return (
    (kinds?.includes(activity.kind) ?? true) &&
    (friends?.includes(activity.friend) ?? true) &&
    (title === undefined || activity.title.toLowerCase().includes(title.toLowerCase()))
  )
}

/** Of each question the first rule that holds and answers it counts; without one it is `normal`, not targetable, and no notice. */
export function judge(rules: readonly ActivityRule[], activity: Activity): Verdict {
  let holding = rules.filter(rule => holds(rule.when, activity))
  let notice = holding.find(rule => rule.notify)?.notify
  let fill = (text: string): string =>
    text.replace(/\{(friend|title|note|kind)\}/g, (_, name: keyof Activity) => activity[name])
  return {
    priority: holding.find(rule => rule.priority)?.priority ?? 'normal',
    targetable: holding.find(rule => rule.targetable !== undefined)?.targetable ?? false,
    notify: notice
      ? {
          category: notice.category ?? 'friends',
          priority: notice.priority ?? 'normal',
          title: fill(notice.title).slice(0, 200),
          body: fill(notice.body ?? '').slice(0, 1000)
        }
      : null
  }
}
