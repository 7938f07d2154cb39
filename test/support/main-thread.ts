// What a page's main thread did: its tasks with the processor time that each took. Time on the wall would also count what
// everything else on this machine took.

import type { Browser, Page } from 'playwright'

interface TraceEvent {
  readonly name: string
  readonly pid: number
  readonly tid: number
  /** Processor time in microseconds. */
  readonly tdur?: number
  readonly args: { readonly name?: string }
}

/** Runs `work` and returns the milliseconds of processor time of every task of the page's main thread, longest first. */
export async function mainThreadTasks(browser: Browser, page: Page, work: () => Promise<void>): Promise<number[]> {
  await browser.startTracing(page, { categories: ['-*', 'toplevel', '__metadata'] })
  let trace: Buffer
  try {
    await work()
  } finally {
    trace = await browser.stopTracing()
  }
  let { traceEvents } = JSON.parse(trace.toString()) as { traceEvents: TraceEvent[] }
  let threadOf = ({ pid, tid }: TraceEvent): string => `${pid} ${tid}`
  let isMain = ({ name, args }: TraceEvent): boolean => name === 'thread_name' && args.name === 'CrRendererMain'
  let mains = new Set(traceEvents.filter(isMain).map(threadOf))
  return traceEvents
    .filter(event => event.name === 'ThreadControllerImpl::RunTask' && mains.has(threadOf(event)))
    .map(({ tdur = 0 }) => tdur / 1000)
    .sort((a, b) => b - a)
}

/** Bytes that the page's heap holds when everything that is garbage was collected. */
export async function heapOf(page: Page): Promise<number> {
  let session = await page.context().newCDPSession(page)
  try {
    // What the first collection finds dead may hold what only the second one finds.
    for (let i = 0; i < 2; i++) await session.send('HeapProfiler.collectGarbage')
    return (await session.send('Runtime.getHeapUsage')).usedSize
  } finally {
    await session.detach()
  }
}

/** How many times longer than on an idle machine something takes here, now: 1 or more. */
export function slowdown(): number {
  let start = process.cpuUsage()
  let from = performance.now()
  let spent = 0
  while (spent < 100_000) {
    let { user, system } = process.cpuUsage(start)
    spent = user + system
  }
  return Math.max(1, ((performance.now() - from) * 1000) / spent)
}
