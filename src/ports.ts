// Everything outside, as the smallest interfaces that do the job. `null` in a port's place means: not available here, and
// the library degrades visibly. So a whole world can run under a virtual clock from one seed.

/** Stops what was started; calling it again does nothing. */
export type Stop = () => void

export interface Clock {
  /** Milliseconds since 1970; may jump. For display and for times that outlive this page. */
  now(): number
  /** Milliseconds since some start; never goes back. For every deadline. */
  mono(): number
  /** Calls once, `ms` milliseconds or more from now. */
  after(ms: number, call: () => void): Stop
  /** Calls once, as soon as what is running now has finished; collects what happens in one turn. */
  soon(call: () => void): Stop
}

export interface Random {
  /** Uniform in [0, 1). */
  float(): number
  /** 128 random bits as 32 lower-case hexadecimal digits. */
  id(): string
}

/** One attempt at a connection. */
export interface Link {
  /** Hands a text to the network; false when the link is not open. */
  send(text: string): boolean
  /** Ends the link; `closed` may come late or never, and is not waited for. */
  close(code?: number, reason?: string): void
  /** Bytes handed over and not yet on the network. */
  buffered(): number
  /** What carries the frames; may become known only when the link is open. */
  readonly transport: Transport
}

export type Transport = 'websocket' | 'http' | 'socket.io'

/** Where a link reports. After `closed`, nothing more is reported. */
export interface LinkSink {
  opened(): void
  message(text: string): void
  /** `error`: what kept the link from being opened at all. */
  closed(code: number, reason: string, error?: unknown): void
  /** A better way to the server was found: worth another attempt at once. The link itself goes on. */
  better?(): void
}

/** Starts one attempt. Throws when the address cannot be opened at all (blocked by policy, malformed). */
export type Connect = (url: string, sink: LinkSink) => Link

/** How sure a write must be: `relaxed` may lose the last milliseconds on a power cut (not on a crash), `strict` does not. */
export type Durability = 'relaxed' | 'strict'

/** An ordered key-value store with transactions. Keys are strings ordered by code unit, values are structured-cloneable. */
export interface Disk {
  /** `disk` survives a reload, `memory` does not. */
  readonly kind: 'disk' | 'memory'
  read<T>(body: (tx: DiskReader) => Promise<T>): Promise<T>
  /**
   * Runs `body` in one read-write transaction. Resolves when it is complete, not merely when its requests succeeded; rejects
   * with nothing written. `body` must await nothing but the methods of `tx`. One that reads nothing survives the end of the
   * page, and so may also be written after it was given up for taking too long.
   */
  write<T>(durability: Durability, body: (tx: DiskWriter) => Promise<T>): Promise<T>
  /** Called when the disk was taken away. */
  onLost(call: (reason: LostReason) => void): Stop
  close(): void
}

/**
 * `closed`: by the browser or by somebody who deleted the data; the next transaction opens it again, and may find it empty.
 * `outdated`: a newer version of the app has it, and it takes nothing from this one any more.
 */
export type LostReason = 'closed' | 'outdated'

export interface DiskReader {
  get(key: string): Promise<unknown>
  /** Entries with `from <= key < to` in key order, at most `limit`. */
  range(from: string, to: string, limit?: number): Promise<ReadonlyArray<readonly [key: string, value: unknown]>>
}

export interface DiskWriter extends DiskReader {
  put(key: string, value: unknown): void
  delete(key: string): void
  deleteRange(from: string, to: string): void
}

/** Opens the disk of a name. Rejects where there is none. */
export type OpenDisk = (name: string) => Promise<Disk>

/** Whether the browser keeps what this site stores also when it runs out of room. */
export interface Persistence {
  /** What it promised so far; asks nobody. */
  granted(): Promise<boolean>
  /** Asks for the promise; some browsers ask the person. */
  ask(): Promise<boolean>
}

/** Mutual exclusion over the tabs of one origin. */
export interface Locks {
  /**
   * Waits for the lock, then calls `held`; the lock is kept until the returned function is called, the page ends, or another
   * tab takes it by `steal`: then `lost` is called. When another holds it now, `waiting` is called first.
   */
  acquire(name: string, on: LockListener, steal?: 'steal'): Stop
  /** Takes the lock only if it is free now; keeps it for `holdMs`. Resolves to whether it was taken. */
  tryHold(name: string, holdMs: number): Promise<boolean>
}

export interface LockListener {
  held(): void
  waiting(): void
  lost(): void
}

/** Messages between the tabs of one origin; may be lost, never come back to the sender. */
export interface Channel {
  post(message: unknown): void
  close(): void
}
export type OpenChannel = (name: string, receive: (message: unknown) => void) => Channel

/** What the page lives through. `hide` and `show`: it leaves or returns (also from the back-forward cache). */
export type PageEvent = 'visible' | 'hidden' | 'online' | 'offline' | 'freeze' | 'resume' | 'hide' | 'show'
export interface Page {
  visible(): boolean
  /** A hint only: false positives and negatives are common. */
  online(): boolean
  /** Not shown to anyone yet: loaded ahead of a visit that may never come. `show` is told when it is visited. */
  prerendering(): boolean
  /** Calls once before the next frame of the screen; a page that is not seen has none. */
  frame(call: () => void): Stop
  /** Whether the person is asked before the page goes. */
  guard(isOn: boolean): void
  listen(call: (event: PageEvent) => void): Stop
}

/** Reports what no caller can be told of; never throws. */
export type Report = (level: 'debug' | 'info' | 'warn' | 'error', code: string, detail?: unknown) => void

// --- Devices: each `null` where the browser or the machine has none ---

export interface Devices {
  readonly vibration: Vibration | null
  readonly speech: Speech | null
  readonly recognition: Recognition | null
  readonly heartRate: HeartRateSensor | null
  readonly vr: VRDevice | null
  readonly notifications: Notifications | null
  /** Whether the person asked for less motion. */
  reducedMotion(): boolean
}

export interface Vibration {
  /** Plays on/off milliseconds, starting with on. False when the browser refuses (no user activation yet, hidden page). */
  play(pattern: readonly number[]): boolean
  stop(): void
  /** Whether the person has touched the page, without which browsers do not vibrate. */
  activated(): boolean
}

export interface Utterance {
  readonly text: string
  readonly pitch: number
  readonly rate: number
  readonly volume: number
  readonly lang?: string | undefined
}
export interface Speech {
  /** Speaks; `progress` counts from 0 to 1 by word boundaries. The returned function stops it. */
  speak(
    utterance: Utterance,
    on: {
      start(): void
      progress(fraction: number): void
      end(reason: 'done' | 'stopped' | 'failed', detail?: string): void
    }
  ): Stop
}

export interface Recognition {
  start(
    lang: string | undefined,
    on: { interim(text: string): void; final(text: string): void; end(error?: string): void }
  ): Stop
}

/** One reading of a heart-rate sensor (Bluetooth characteristic 0x2A37). */
export interface HeartRateReading {
  /** Beats a minute. */
  readonly heartRate: number
  /** Skin contact; `null` when the sensor cannot tell. */
  readonly contact: boolean | null
  /** Energy since the last reset in kilojoules, when sent. */
  readonly energy?: number
  /** Time between beats in milliseconds, oldest first. */
  readonly rr: readonly number[]
}
export interface HeartRateSensor {
  /** Asks the person to choose a sensor, then reports every reading until stopped or `ended`. */
  start(on: { reading(reading: HeartRateReading): void; ended(reason: string): void }): Promise<Stop>
}

export interface VRDevice {
  /** Whether an immersive VR session can be started. */
  supported(): Promise<boolean>
}

export interface Notifications {
  permission(): 'granted' | 'denied' | 'default'
  ask(): Promise<'granted' | 'denied' | 'default'>
  /** Shows one; the same tag replaces. The returned function takes it away. */
  show(title: string, options: { readonly body?: string; readonly tag?: string; onClick?(): void }): Stop
  /** Whether somebody looks at this page: it has the focus. */
  focused(): boolean
}
