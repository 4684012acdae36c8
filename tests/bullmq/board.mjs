// What bull-board shows of the queues.
import { bullmq, connection, need, tell } from './kit.mjs'

const { createBullBoard } = need('@bull-board/api')
const { BullMQAdapter } = need('@bull-board/api/bullMQAdapter')
const { ExpressAdapter } = need('@bull-board/express')
const express = need('express')

const serverAdapter = new ExpressAdapter()
const names = ['async-tasks', 'dead-letter-tasks']
const queues = names.map((name) => new BullMQAdapter(new bullmq.Queue(name, { connection })))
createBullBoard({ queues, serverAdapter })
const app = express()
app.use('/', serverAdapter.getRouter())
const server = app.listen(0, '127.0.0.1', async () => {
  const base = `http://127.0.0.1:${server.address().port}/api/queues`
  const all = await (await fetch(base)).json()
  const failed = await (await fetch(`${base}?activeQueue=dead-letter-tasks&status=waiting&page=1`)).json()
  const jobs = failed.queues.find((queue) => queue.name === 'dead-letter-tasks').jobs
  tell({
    counts: Object.fromEntries(all.queues.map((queue) => [queue.name, queue.counts])),
    dead: jobs.map((job) => ({ name: job.name, data: job.data })),
  })
  process.exit(0)
})
