// The vote: a card for each title with its progress and three buttons, the rule, and the banner of the last match.

import { $, createList, h, nameOf } from '../dom.js'

let KINDS = [
  ['like', 'Like'],
  ['dislike', 'Dislike'],
  ['skip', 'Skip']
]
let RULES = [
  ['unanimous', 'Everybody must like it'],
  ['majority', 'Most must like it'],
  ['threshold', 'Two must like it']
]
let ENDS = { decided: 'Decided', matched: 'It’s a match', closed: 'Closed' }

export function showVotes(room, me) {
  let show = createList($('media'), ({ mediaId }) => mediaId, card)

  function card(mediaId) {
    let title = h('h3')
    let bar = h('progress', { max: 100 })
    let count = h('span', { className: 'count' })
    let end = h('span', { className: 'end' })
    let buttons = KINDS.map(([kind, words]) =>
      h('button', { type: 'button', onclick: () => room.castVote(mediaId, kind) }, words)
    )
    let element = h('li', { className: 'card' }, title, bar, count, h('div', { className: 'row' }, ...buttons), end)
    element.dataset.media = mediaId
    return {
      element,
      update({ mediaTitle, status, progress, ballots }) {
        let { members, rule } = room.$votes.get()
        let isIn = members.some(({ userId }) => userId === me)
        let { totalVotes, requiredVotes, percentage } = progress
        let mine = Object.hasOwn(ballots, me) ? ballots[me].voteType : null
        title.textContent = mediaTitle
        bar.value = percentage
        bar.setAttribute('aria-label', `Likes for ${mediaTitle}`)
        count.textContent = `${totalVotes} of ${requiredVotes} likes, ${percentage} %`
        end.textContent = ENDS[status] ?? ''
        element.dataset.status = status
        for (let [i, [kind, words]] of KINDS.entries()) {
          let button = buttons[i]
          button.setAttribute('aria-pressed', String(mine === kind))
          button.setAttribute('aria-label', `${words} ${mediaTitle}`)
          button.disabled = !isIn || status !== 'open' || (mine !== null && !rule.changing)
        }
      }
    }
  }

  let choice = h('select', { onchange: () => room.setVoteRule(choice.value, { votes: 2 }) })
  for (let [value, words] of RULES) choice.append(h('option', { value }, words))
  // Shown to everyone, taken from the host alone: that is the server's to say, not this page's.
  $('rule').append(h('label', {}, 'The rule ', choice))

  room.$votes.subscribe(({ media, rule }) => {
    choice.value = rule.matchType
    show(media)
  })
  room.$votes.subscribe(({ matches }) => {
    let match = matches.at(-1)
    $('match').hidden = !match
    if (!match || $('match').dataset.match === match.id) return
    let { id, mediaId, mediaTitle, participants, matchType } = match
    $('match').dataset.match = id
    let queue = h(
      'button',
      { type: 'button', onclick: () => room.addToQueue(mediaId, mediaTitle) },
      'Add it to the queue'
    )
    $('match').replaceChildren(
      h('strong', {}, `It’s a match: ${mediaTitle}`),
      h('span', {}, `${participants.map(nameOf).join(', ')} agree (${matchType}).`),
      queue
    )
  })

  room.on('voteUpdate', ({ userId, mediaId, voteType, progress }) => {
    let title = room.$votes.get().media.find(medium => medium.mediaId === mediaId)?.mediaTitle ?? mediaId
    let { totalVotes, requiredVotes } = progress
    $('live').textContent = `${nameOf(userId)}: ${voteType} ${title}. ${totalVotes} of ${requiredVotes} likes.`
  })

  $('propose').onsubmit = event => {
    event.preventDefault()
    let title = event.target.elements.title
    let mediaTitle = title.value.trim()
    if (!mediaTitle) return
    room.proposeMedia(mediaTitle.toLowerCase().replace(/\s+/g, '-').slice(0, 128), mediaTitle)
    title.value = ''
  }
}
