"""A worker as the old system had it, in Python. Tells each job it completed; fails those named `broken`."""

import asyncio
import json
import os

from bullmq import Worker


def tell(value):
    print(json.dumps(value), flush=True)


async def work(job, _token):
    if job.data["toolName"] == "broken":
        raise RuntimeError("it broke in Python")
    await job.updateProgress(50)
    await job.log("seen by Python")
    await asyncio.sleep(job.data["params"].get("ms", 0) / 1000)
    return {"by": "python", "taskId": job.data["taskId"], "caller": job.data["auth"]["id"]}


async def main():
    connection = {"host": "127.0.0.1", "port": int(os.environ["REDIS_PORT"])}
    options = {"connection": connection, "concurrency": 5, "lockDuration": 1500, "stalledInterval": 1000}
    worker = Worker("async-tasks", work, options)
    worker.on("completed", lambda job, _result: tell({"completed": job.id}))
    tell({"ready": True})
    await asyncio.Event().wait()


asyncio.run(main())
