// The client of the app. Where it runs comes in as an option: the page of a browser, or one of a test.

import { createRealtime, type RealtimeOptions } from 'realtime-stores'
import { shopping } from './shopping.js'

export type Household = ReturnType<typeof openHousehold>

export function openHousehold(options: Omit<RealtimeOptions, 'app'>) {
  let client = createRealtime({ app: 'household', ...options })
  let room = client.room('kitchen')
  client.connect()
  return { client, list: room.use(shopping), people: room.presence.$roster }
}
