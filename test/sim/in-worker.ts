// Runs a bundled simulation in a worker thread: what a broken program does there stays there.

import { Worker } from 'node:worker_threads'
import type { Failure, Order, Report } from './worker.js'

/** Told while the worker is at it. */
export interface News {
  readonly runs?: number
  readonly failure?: Failure
}

/** A program that ends by an error, or does not end, counts as failed: `error` says how. */
export function runInWorker(
  program: string,
  order: Order,
  { deadline = Infinity, news = (_: News): void => {} } = {}
): Promise<Report & { readonly error?: string }> {
  return new Promise(resolve => {
    let worker = new Worker(program, { eval: true, workerData: order })
    let timer = deadline < Infinity ? setTimeout(() => finish({ error: 'it does not end' }), deadline) : undefined
    let finish = (result: Partial<Report> & { error?: string }): void => {
      clearTimeout(timer)
      void worker.terminate()
      resolve({ runs: 0, actions: 0, failures: [], ...result })
    }
    worker.on('message', (message: News & { report?: Report }) => {
      if (message.report) finish(message.report)
      else news(message)
    })
    worker.on('error', error => finish({ error: String(error?.stack ?? error) }))
  })
}
