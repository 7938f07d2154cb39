// Where this device is, for those who opt in. Does not know presence: it feeds whoever is handed in.

import type { Stop } from '../ports.js'

/** A place on earth. */
export interface Place {
  /** Degrees, −90 to 90. */
  readonly latitude: number
  /** Degrees, −180 to 180. */
  readonly longitude: number
  /** Metres, the radius in which the device is with 95 % confidence. */
  readonly accuracy: number
  /** Metres above the ellipsoid; `null` where it is not known. */
  readonly altitude: number | null
  /** Degrees clockwise from north; `null` while standing. */
  readonly heading: number | null
  /** Metres a second; `null` where it is not known. */
  readonly speed: number | null
  /** Milliseconds since 1970. */
  readonly at: number
}

/** What `watchGeolocation` feeds. `location` is `null` while nothing is known; `reason` says why. */
export interface LocationFeed {
  readonly supported: boolean
  readonly location: Place | null
  readonly reason?: 'unsupported' | 'denied' | 'unavailable' | 'timeout'
}

export interface GeolocationOptions {
  /** By satellite rather than by network; costs battery. Default false. */
  readonly highAccuracy?: boolean | undefined
  /** Decimal places of latitude and longitude that are told: 2 are about a kilometre, 5 about a metre. Default: all. */
  readonly decimals?: number | undefined
  /** How old a known place may be, in milliseconds. Default 0. */
  readonly maximumAge?: number | undefined
  /** How long to wait for a place, in milliseconds. Default: for ever. */
  readonly timeout?: number | undefined
}

/**
 * Feeds the place of this device whenever it changes; asks the person for leave. Where the browser cannot tell, feeds
 * `{ supported: false, location: null, reason: 'unsupported' }` once. Returns a stop function.
 *
 * ```ts
 * let stop = watchGeolocation(({ location }) => realtimeService.setDevice({ location }), { decimals: 2 })
 * ```
 */
export function watchGeolocation(feed: (value: LocationFeed) => void, options: GeolocationOptions = {}): Stop {
  let geolocation = typeof navigator === 'undefined' ? undefined : navigator.geolocation
  if (!geolocation) {
    feed({ supported: false, location: null, reason: 'unsupported' })
    return () => {}
  }
  let { highAccuracy = false, decimals, maximumAge, timeout } = options
  let place = (degrees: number) => (decimals === undefined ? degrees : Number(degrees.toFixed(decimals)))
  let stopped = false
  let id = geolocation.watchPosition(
    ({ coords, timestamp }) => {
      if (stopped) return
      let { latitude, longitude, accuracy, altitude, heading, speed } = coords
      feed({
        supported: true,
        location: {
          latitude: place(latitude),
          longitude: place(longitude),
          accuracy,
          altitude,
          // Browsers say NaN while the device stands.
          heading: heading === null || Number.isNaN(heading) ? null : heading,
          speed,
          at: timestamp
        }
      })
    },
    ({ code }) => {
      if (stopped) return
      feed({ supported: true, location: null, reason: code === 1 ? 'denied' : code === 3 ? 'timeout' : 'unavailable' })
    },
    {
      enableHighAccuracy: highAccuracy,
      ...(maximumAge === undefined ? {} : { maximumAge }),
      ...(timeout === undefined ? {} : { timeout })
    }
  )
  return () => {
    if (stopped) return
    stopped = true
    geolocation.clearWatch(id)
  }
}
