// Runs a TypeScript program in a process of its own: node run-ts.mjs program.ts …arguments

import { runnerImport } from 'vite'

await runnerImport(process.argv[2], { configFile: false, logLevel: 'error' })
