// A worker as the old system had it. Tells each job it completed; fails those named `broken`.
import { bullmq, connection, tell } from './kit.mjs'

const pause = (ms) => new Promise((done) => setTimeout(done, ms))
const work = async (job) => {
  const { params, auth, taskId, toolName } = job.data
  if (toolName === 'broken') throw new Error('it broke in Node')
  await job.updateProgress(50)
  await job.log('seen by Node')
  await pause(params.ms ?? 0)
  return { by: 'node', taskId, caller: auth.id }
}
const worker = new bullmq.Worker('async-tasks', work, {
  connection, concurrency: Number(process.env.CONCURRENCY ?? 5), lockDuration: 1500, stalledInterval: 1000,
})
worker.on('completed', (job) => tell({ completed: job.id }))
worker.on('error', (error) => console.error(error.message))
process.on('SIGTERM', async () => { await worker.close(); process.exit(0) })
await worker.waitUntilReady()
tell({ ready: true })
