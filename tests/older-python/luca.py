"""A small shell over a raw WebSocket, used as the older one was: words in, results out.

    luca.py WS_ADDRESS KEY < commands
"""

import asyncio
import json
import posixpath
import sys
import uuid

import websockets

ADDRESS, KEY = sys.argv[1:3]


def read_word(word):
    try:
        return json.loads(word)
    except ValueError:
        return word


class Shell:
    def __init__(self, ws):
        self.ws, self.folder = ws, "/"

    async def call(self, method, *params):
        number = str(uuid.uuid4())
        await self.ws.send(json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": list(params)}))
        answer = json.loads(await asyncio.wait_for(self.ws.recv(), 20))
        assert answer["id"] == number
        if "error" in answer:
            raise RuntimeError(f"error {answer['error']['code']}: {answer['error']['message']}")
        return answer["result"]

    def path(self, words):
        return posixpath.normpath(posixpath.join(self.folder, words[0] if words else ""))

    async def run(self, line):
        command, *words = line.split()
        if command == "cd":
            folder = self.path(words)
            await self.call("mcp.fs.list", folder)
            self.folder = folder
        elif command == "pwd":
            print(self.folder)
        elif command == "ls":
            for entry in await self.call("mcp.fs.list", self.path(words)):
                print(entry["name"] + ("/" if entry["type"] == "directory" else ""))
        elif command == "cat":
            print((await self.call("mcp.fs.read", self.path(words), "text"))["content"])
        elif command == "rm":
            print((await self.call("mcp.fs.delete", self.path(words)))["status"])
        elif command == "licence":
            print((await self.call("mcp.licence.check"))["tier"])
        else:
            print(json.dumps(await self.call(command, *map(read_word, words)), sort_keys=True))


async def main():
    headers = {"X-API-Key": KEY}
    async with websockets.connect(f"ws://{ADDRESS}/ws", additional_headers=headers) as ws:
        shell = Shell(ws)
        for line in filter(str.strip, sys.stdin):
            print(f"{shell.folder} luca> {line.strip()}")
            try:
                await shell.run(line)
            except RuntimeError as error:
                print(error)


asyncio.run(main())
