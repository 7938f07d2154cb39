// Two clients side by side, and the server that they share.

import { clientView } from './client-view.js'
import { watchServer } from './server-card.js'

let address = await watchServer()
let views = ['ada', 'ben'].map(user => clientView({ user, address }))
document.querySelector('#clients').append(...views.map(view => view.node))
await Promise.all(views.map(view => view.client.connect()))
