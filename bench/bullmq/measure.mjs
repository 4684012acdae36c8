// How fast BullMQ is: REDIS_PORT, JOBS, WAITING. Prints one line of JSON, as bench-jobs does.
import { createRequire } from 'node:module'

const need = createRequire(process.env.KIT + '/')
const { Queue, Worker } = need('bullmq')
const connection = { host: '127.0.0.1', port: Number(process.env.REDIS_PORT), maxRetriesPerRequest: null }
const count = Number(process.env.JOBS)
const waiting = Number(process.env.WAITING)
const bulk = 1000
const data = { path: 'notes/today.md', lines: 20 }
const opts = { removeOnComplete: 1000, removeOnFail: 5000 }

const rate = async (jobs, work) => {
  const begun = performance.now()
  await work()
  return jobs / ((performance.now() - begun) / 1000)
}
const addBulk = async (queue, jobs) => {
  for (let done = 0; done < jobs; done += bulk) {
    await queue.addBulk(Array.from({ length: bulk }, () => ({ name: 'bench', data, opts })))
  }
}
const addInFlight = async (queue, jobs, inFlight) => {
  await Promise.all(Array.from({ length: inFlight }, async () => {
    for (let done = 0; done < jobs / inFlight; done++) await queue.add('bench', data, opts)
  }))
}
const process_ = async (queue, jobs, concurrency) => {
  await addBulk(queue, jobs)
  let left = jobs
  let finished
  const all = new Promise((done) => { finished = done })
  const begun = performance.now()
  const worker = new Worker(queue.name, async () => ({ ok: true }), { connection, concurrency })
  worker.on('completed', () => { if (--left === 0) finished() })
  await all
  const result = jobs / ((performance.now() - begun) / 1000)
  await worker.close()
  return result
}
const latency = async (queue) => {
  let ended
  const worker = new Worker(queue.name, async () => ({ ok: true }), { connection, concurrency: 10 })
  worker.on('completed', () => ended())
  await worker.waitUntilReady()
  const times = []
  for (let round = 0; round < 200; round++) {
    await new Promise((done) => setTimeout(done, 3))
    const over = new Promise((done) => { ended = done })
    const begun = performance.now()
    await queue.add('bench', data, opts)
    await over
    times.push(performance.now() - begun)
  }
  await worker.close()
  times.sort((one, other) => one - other)
  return [times[99], times[197]]
}
const queue = (name) => new Queue(name, { connection })
await addBulk(queue('elsewhere'), waiting)
await addBulk(queue('warm'), bulk)
const result = {}
result.add_bulk = await rate(count, () => addBulk(queue('bulk'), count))
result.add_50 = await rate(count, () => addInFlight(queue('flight'), count, 50))
result.process_1 = await process_(queue('one'), Math.ceil(count / 10 / bulk) * bulk, 1)
result.process_10 = await process_(queue('ten'), count, 10)
result.process_50 = await process_(queue('fifty'), count, 50)
;[result.p50_ms, result.p99_ms] = await latency(queue('idle'))
result.memory_mb = process.memoryUsage().rss / 1048576
console.log(JSON.stringify(result))
process.exit(0)
