// Runs something until Ctrl-C, and reads the options that everything of this kind takes.

/** `start` resolves to `{ lines, close }`: what to print, and what ends it. */
export async function untilStopped(start) {
  let running
  let ending = false

  async function end() {
    if (ending) process.exit(130) // asked twice: at once
    ending = true
    await running?.close()
    console.log('\n  Stopped. The data is still there for the next time.')
    process.exit(0)
  }

  process.on('SIGINT', end)
  process.on('SIGTERM', end)
  try {
    running = await start()
    for (let line of running.lines) console.log(line)
  } catch (error) {
    console.error(`\n  ${error.message}\n`)
    process.exit(1)
  }
}

/** A port as somebody wrote it, 4173 where nobody did; 0 means any. */
export function portOf(text = '4173') {
  let port = Number(text)
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new Error(`The port must be a number from 0 to 65535, not «${text}».`)
  }
  return port
}
