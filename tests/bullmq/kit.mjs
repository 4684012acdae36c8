// What the scripts here have in common: the packages, wherever they were installed, and the Redis.
import { createRequire } from 'node:module'

export const need = createRequire(process.env.DRAWBRIDGE_TEST_BULLMQ + '/')
export const bullmq = need('bullmq')
export const connection = { host: '127.0.0.1', port: Number(process.env.REDIS_PORT), maxRetriesPerRequest: null }

/** One line of JSON for the test. */
export const tell = (value) => process.stdout.write(JSON.stringify(value) + '\n')
