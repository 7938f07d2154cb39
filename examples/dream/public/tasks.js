// The list of dreams: one item each, kept while it changes.

let TITLES = { queued: 'Waiting', running: 'Dreaming', done: 'Done', failed: 'Failed', cancelled: 'Cancelled' }

/** `cancel(id)` and `clear(id)` are called by the buttons. Returns what shows a state. */
export function taskList(parent, { cancel, clear }) {
  let items = new Map()

  function create(task) {
    let node = document.createElement('li')
    node.dataset.id = task.id
    node.innerHTML = `
      <h3><span class="badge"></span> <span class="what"></span></h3>
      <progress max="1" aria-label="How far the dream is"></progress>
      <p class="stage soft"></p>
      <ul class="partials" aria-label="What was dreamt so far"></ul>
      <p class="result"></p>
      <p class="times soft"></p>
      <button type="button"></button>`
    let find = selector => node.querySelector(selector)
    let button = find('button')
    button.addEventListener('click', () => (button.dataset.does === 'cancel' ? cancel(task.id) : clear(task.id)))
    return {
      node,
      show({ status, input, attempt, progress, stage, partials, result, error, queuedAt, endedAt, priority }) {
        let isOpen = status === 'queued' || status === 'running'
        node.dataset.status = status
        set(find('.badge'), TITLES[status])
        set(
          find('.what'),
          `${input.nights} ${input.nights === 1 ? 'night' : 'nights'}${priority === 'urgent' ? ', urgent' : ''}`
        )
        find('progress').value = progress
        set(find('.stage'), isOpen ? `${Math.round(progress * 100)} % ${stage}` : '')
        let lines = partials.map(({ data }) => `${data.night}. ${data.image} (${Math.round(data.coherence * 100)} %)`)
        if (find('.partials').children.length !== lines.length)
          find('.partials').replaceChildren(...lines.map(line => set(document.createElement('li'), line)))
        set(
          find('.result'),
          result ? `Came together to ${Math.round(result.coherence * 100)} %` : (error?.message ?? '')
        )
        let tries = attempt > 1 ? `, attempt ${attempt}` : ''
        set(find('.times'), `${time(queuedAt)}${endedAt ? ` to ${time(endedAt)}` : ''}${tries}`)
        button.dataset.does = isOpen ? 'cancel' : 'clear'
        set(button, isOpen ? 'Cancel' : 'Clear')
        button.setAttribute('aria-label', `${isOpen ? 'Cancel' : 'Clear'} the dream of ${time(queuedAt)}`)
      }
    }
  }

  return ({ tasks }) => {
    for (let [id, { node }] of items) {
      if (tasks.some(task => task.id === id)) continue
      node.remove()
      items.delete(id)
    }
    for (let task of tasks) {
      let item = items.get(task.id)
      if (!item) {
        item = create(task)
        items.set(task.id, item)
        parent.prepend(item.node)
      }
      item.show(task)
    }
  }
}

function set(node, text) {
  if (node.textContent !== text) node.textContent = text
  return node
}

function time(at) {
  return new Date(at).toLocaleTimeString()
}
