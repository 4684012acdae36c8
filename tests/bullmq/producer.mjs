// Adds jobs as the old system did, and waits for their ends: COUNT of them, of the tool TOOL. With REMOVE, Redis forgets each
// with its end, and nobody waits.
import { bullmq, connection, tell } from './kit.mjs'

const count = Number(process.env.COUNT)
const name = process.env.TOOL
const queue = new bullmq.Queue('async-tasks', { connection })
const events = new bullmq.QueueEvents('async-tasks', { connection })
await events.waitUntilReady()
const kept = { removeOnComplete: { count: 1000, age: 24 * 3600 }, removeOnFail: { count: 5000, age: 7 * 24 * 3600 } }
const gone = { removeOnComplete: true, removeOnFail: true }
const opts = { attempts: 3, backoff: { type: 'exponential', delay: 50 }, ...(process.env.REMOVE ? gone : kept) }
const jobs = await queue.addBulk(Array.from({ length: count }, (_, number) => {
  const taskId = `task-${number}`
  const data = { params: { number, ms: 5 }, auth: { id: 'node' }, taskId, toolName: name }
  return { name, data, opts: { ...opts, jobId: taskId } }
}))
tell({ added: jobs.length })
if (process.env.REMOVE) process.exit(0)
const ends = await Promise.allSettled(jobs.map((job) => job.waitUntilFinished(events, 60_000)))
tell({
  completed: ends.filter((end) => end.status === 'fulfilled').length,
  failed: ends.filter((end) => end.status === 'rejected').map((end) => end.reason.message),
  first: ends[0].value,
})
process.exit(0)
