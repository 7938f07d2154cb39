// The app: what is to be bought, what still waits for the server, what was refused.

import { useStore } from '@nanostores/react'
import type { FormEvent } from 'react'
import type { Household } from './household.js'

export function App({ household: { client, list, people } }: { household: Household }) {
  let items = useStore(list.$state)
  let { phase, durability } = useStore(client.$connection)
  let waiting = new Set(useStore(client.pending).map(row => row.id))
  let refused = useStore(client.rejected)
  let names = new Set(Object.values(useStore(people).members).map(member => member.user))

  function add(event: FormEvent<HTMLFormElement>) {
    event.preventDefault()
    let field = event.currentTarget.elements.namedItem('item') as HTMLInputElement
    if (field.value.trim()) list.addItem(field.value.trim())
    field.value = ''
  }

  return (
    <main>
      <h1>Shopping</h1>
      <p role="status">
        {phase === 'online' ? `Here: ${[...names].sort().join(', ')}` : `Not connected (${phase})`}
        {durability === 'memory' && ' · what you add is lost when you close this page'}
      </p>
      <form onSubmit={add}>
        <input name="item" aria-label="What to buy" maxLength={100} />
        <button type="submit">Add</button>
      </form>
      <ul>
        {items.map(({ id, text, by, done }) => (
          <li key={id}>
            <label>
              <input type="checkbox" checked={done} onChange={() => list.tick(id, !done)} />
              {text}
            </label>
            <small>{waiting.has(id) ? 'waiting' : by}</small>
          </li>
        ))}
      </ul>
      {refused.map(({ row, message, code }) => (
        <p role="alert" key={row.id}>
          {message || code}{' '}
          <button type="button" onClick={() => void client.rejected.discard(row.id)}>
            All right
          </button>
        </p>
      ))}
    </main>
  )
}
