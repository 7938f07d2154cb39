// Text in pieces to server-sent events. Knows nothing of what they mean.

export interface StreamEvent {
  /** `message`, unless the stream names it. */
  readonly event: string
  readonly data: string
  readonly id: string
}

/** Hand it every piece in order; it calls with each event that is complete. */
export function createEventParser(call: (event: StreamEvent) => void): (piece: string) => void {
  let rest = ''
  return piece => {
    let blocks = (rest + piece).split('\n\n')
    rest = blocks.pop() as string
    for (let block of blocks) {
      let fields: Record<string, string> = { event: 'message', data: '', id: '' }
      for (let line of block.split('\n')) {
        let colon = line.indexOf(': ')
        // A comment has nothing before its colon.
        if (colon > 0) fields[line.slice(0, colon)] = line.slice(colon + 2)
      }
      if (fields.id || fields.event !== 'message') call(fields as unknown as StreamEvent)
    }
  }
}
