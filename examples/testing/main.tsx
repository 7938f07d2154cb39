// The app in a browser: http://localhost:5173/?user=ben

import { createRoot } from 'react-dom/client'
import { App } from './app.js'
import { openHousehold } from './household.js'

let user = new URLSearchParams(location.search).get('user') ?? 'ada'
let household = openHousehold({ url: '/realtime', user })

createRoot(document.getElementById('app') as HTMLElement).render(<App household={household} />)
