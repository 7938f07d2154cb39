// A Bluetooth heart-rate sensor: service 0x180D, characteristic 0x2A37 (Heart Rate Measurement), through Web Bluetooth.

import { RealtimeError } from '../errors.js'
import type { HeartRateReading, HeartRateSensor, Stop } from '../ports.js'

const SERVICE = 0x180d
const MEASUREMENT = 0x2a37

// The parts of Web Bluetooth that are used here; not in TypeScript's library.
interface Characteristic extends EventTarget {
  readonly value?: DataView | undefined
  startNotifications(): Promise<unknown>
  stopNotifications(): Promise<unknown>
}
interface Gatt {
  readonly connected: boolean
  connect(): Promise<{
    getPrimaryService(service: number): Promise<{ getCharacteristic(characteristic: number): Promise<Characteristic> }>
  }>
  disconnect(): void
}
interface Peripheral extends EventTarget {
  readonly gatt?: Gatt | undefined
}
interface Bluetooth {
  requestDevice(options: { filters: readonly { services: readonly number[] }[] }): Promise<Peripheral>
}

/**
 * Reads a Heart Rate Measurement as the GATT specification lays it down: flags (bit 0: value is uint16 instead of uint8; bits
 * 1 and 2: skin contact detected and supported; bit 3: energy expended in kilojoules follows as uint16; bit 4: RR intervals
 * follow, as many uint16 in 1/1024 s as there are), all little endian. Throws a `RealtimeError` with the code `invalid` when
 * the value is shorter than its flags say.
 *
 * ```ts
 * parseHeartRate(new DataView(Uint8Array.of(0x16, 72, 0x00, 0x04).buffer)) // { heartRate: 72, contact: true, rr: [1000] }
 * ```
 */
export function parseHeartRate(value: DataView): HeartRateReading {
  let offset = 0
  let uint8 = () => {
    if (offset + 1 > value.byteLength) throw cutShort(value)
    return value.getUint8(offset++)
  }
  let uint16 = () => {
    if (offset + 2 > value.byteLength) throw cutShort(value)
    let read = value.getUint16(offset, true)
    offset += 2
    return read
  }
  let flags = uint8()
  let heartRate = flags & 0b1 ? uint16() : uint8()
  let contact = flags & 0b100 ? (flags & 0b10) !== 0 : null
  let energy = flags & 0b1000 ? uint16() : undefined
  let rr: number[] = []
  if (flags & 0b1_0000) {
    while (offset < value.byteLength) rr.push((uint16() * 1000) / 1024)
  }
  return energy === undefined ? { heartRate, contact, rr } : { heartRate, contact, energy, rr }
}

function cutShort(value: DataView): RealtimeError {
  return new RealtimeError(
    'invalid',
    `The heart-rate measurement ends after ${value.byteLength} bytes, before what its flags announce`
  )
}

/** The heart-rate sensor of whom the person chooses, or `null` where the browser has no Web Bluetooth. */
export function createHeartRateSensor(): HeartRateSensor | null {
  if (typeof navigator === 'undefined') return null
  let { bluetooth } = navigator as Navigator & { readonly bluetooth?: Bluetooth }
  if (!bluetooth || typeof bluetooth.requestDevice !== 'function') return null
  return { start: on => connect(bluetooth, on) }
}

async function connect(bluetooth: Bluetooth, on: Parameters<HeartRateSensor['start']>[0]): Promise<Stop> {
  let device: Peripheral
  try {
    device = await bluetooth.requestDevice({ filters: [{ services: [SERVICE] }] })
  } catch (error) {
    // The chooser was closed, or there was no click.
    throw new RealtimeError('cancelled', 'No heart-rate sensor was chosen', { cause: error })
  }
  let { gatt } = device
  if (!gatt) throw new RealtimeError('unsupported', 'The chosen device cannot be connected to')
  try {
    let server = await gatt.connect()
    let service = await server.getPrimaryService(SERVICE)
    let characteristic = await service.getCharacteristic(MEASUREMENT)
    let over = false
    let changed = () => {
      if (over || !characteristic.value) return
      let reading: HeartRateReading
      try {
        reading = parseHeartRate(characteristic.value)
      } catch {
        // One broken packet; the next one comes in a second.
        return
      }
      on.reading(reading)
    }
    let finish = () => {
      over = true
      characteristic.removeEventListener('characteristicvaluechanged', changed)
      device.removeEventListener('gattserverdisconnected', lost)
    }
    let lost = () => {
      if (over) return
      finish()
      on.ended('The sensor is out of reach or was switched off')
    }
    characteristic.addEventListener('characteristicvaluechanged', changed)
    device.addEventListener('gattserverdisconnected', lost)
    await characteristic.startNotifications()
    return () => {
      if (over) return
      finish()
      characteristic.stopNotifications().then(
        () => gatt.disconnect(),
        () => gatt.disconnect()
      )
    }
  } catch (error) {
    gatt.disconnect()
    throw new RealtimeError('unsupported', 'The chosen sensor does not answer', { cause: error })
  }
}
