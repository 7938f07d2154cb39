// What the server of the tests about people runs besides the features.

import { keepLastSeen } from '../../../dist/handlers/last-seen.js'

export function install(hub) {
  keepLastSeen(hub)
}
