"""Adds jobs as the old system did, and waits for their ends: COUNT of them, of the tool TOOL."""

import asyncio
import json
import os

from bullmq import Queue


def tell(value):
    print(json.dumps(value), flush=True)


async def main():
    count = int(os.environ["COUNT"])
    connection = {"host": "127.0.0.1", "port": int(os.environ["REDIS_PORT"])}
    queue = Queue("async-tasks", {"connection": connection})
    options = {"attempts": 3, "backoff": {"type": "exponential", "delay": 50}}
    before = (await queue.getJobCounts("completed"))["completed"]
    ids = []
    for number in range(count):
        task = f"task-{number}"
        data = {
            "params": {"number": number, "ms": 5},
            "auth": {"id": "python"},
            "taskId": task,
            "toolName": os.environ["TOOL"],
        }
        job = await queue.add(os.environ["TOOL"], data, {**options, "jobId": task})
        ids.append(job.id)
    tell({"added": len(ids)})
    while (await queue.getJobCounts("completed"))["completed"] < before + count:
        await asyncio.sleep(0.05)
    first = await queue.client.hget("bull:async-tasks:task-0", "returnvalue")
    tell({"completed": count, "first": json.loads(first)})
    await queue.close()


asyncio.run(main())
