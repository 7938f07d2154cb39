// What the server recommends: put to the vote, or put away for everyone.

import { $, createList, h } from '../dom.js'

export function showRecommendations(room) {
  let show = createList($('recommendations'), ({ mediaId }) => mediaId, recommendation)

  function recommendation(mediaId) {
    let title = h('span', { className: 'title' })
    let why = h('span', { className: 'quiet' })
    let vote = h('button', { type: 'button' }, 'Vote')
    let away = h('button', { type: 'button', onclick: () => room.dismissRecommendation(mediaId) }, '×')
    let element = h('li', {}, title, why, vote, away)
    element.dataset.media = mediaId
    return {
      element,
      update({ mediaTitle, reason, score }) {
        title.textContent = mediaTitle
        why.textContent = [reason, score === null ? null : `${Math.round(score * 100)} %`].filter(Boolean).join(' · ')
        vote.setAttribute('aria-label', `Put ${mediaTitle} to the vote`)
        vote.onclick = () => room.proposeMedia(mediaId, mediaTitle)
        away.setAttribute('aria-label', `Put ${mediaTitle} away`)
      }
    }
  }

  room.$recommendations.subscribe(({ items }) => show(items))
}
