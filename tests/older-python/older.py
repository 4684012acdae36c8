"""Scripts of the older dialect, as people wrote them: raw WebSockets and raw sockets. Only address and key are new.

    older.py WS_ADDRESS KEY LIMITED_KEY SOCKET
"""

import asyncio
import base64
import io
import json
import socket
import sys
import zipfile

import websockets

ADDRESS, KEY, LIMITED, SOCKET = sys.argv[1:5]
HEADERS = {"Authorization": f"Bearer {KEY}"}


def request(number, method, params=None):
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": [] if params is None else params}


class Ws:
    """One request after the other, as the old shell did it."""

    def __init__(self, ws):
        self.ws, self.number = ws, 0

    async def call(self, method, params=None):
        self.number += 1
        await self.ws.send(json.dumps(request(self.number, method, params)))
        answer = json.loads(await asyncio.wait_for(self.ws.recv(), 20))
        assert answer["id"] == self.number, answer
        return answer

    async def result(self, method, params=None):
        answer = await self.call(method, params)
        assert "result" in answer, answer
        return answer["result"]

    async def code(self, method, params=None):
        answer = await self.call(method, params)
        assert "error" in answer, answer
        return answer["error"]["code"]


async def files(ws):
    written = await ws.result("mcp.fs.write", ["/notes.txt", "naïve\nsecond"])
    assert written == {"path": "/notes.txt", "bytes_written": 13, "status": "success"}, written
    appended = await ws.result("mcp.fs.write", {"path": "/notes.txt", "content": "\nthird", "append": True})
    assert appended["bytes_written"] == 6, appended
    read = await ws.result("mcp.fs.read", ["/notes.txt", "text"])
    assert read == {"path": "/notes.txt", "content": "naïve\nsecond\nthird", "encoding": "text",
                    "mime_type": "text/plain"}, read
    raw = bytes(range(256)) * 40
    await ws.result("mcp.file.write", ["/made/for/it.bin", base64.b64encode(raw).decode(), "base64"])
    read = await ws.result("mcp.file.read", ["/made/for/it.bin", "base64"])
    assert base64.b64decode(read["content"]) == raw, read["mime_type"]
    listed = {entry["name"]: entry for entry in await ws.result("mcp.fs.list", ["/"])}
    assert listed["notes.txt"]["type"] == "file" and listed["notes.txt"]["size"] == 19, listed
    assert listed["made"]["type"] == "directory" and listed["made"]["size"] == -1, listed
    assert listed["made"]["path"] == "/made" and "T" in listed["made"]["modified_at"], listed
    found = await ws.result("mcp.fs.search", ["SECOND nothing", 3])
    assert len(found) == 1 and 0 < found[0]["score"] < 1 and "second" in found[0]["preview"], found
    gone = await ws.result("mcp.fs.delete", ["/notes.txt"])
    assert gone == {"path": "/notes.txt", "status": "success"}, gone
    assert await ws.code("mcp.fs.read", ["/notes.txt"]) == -32013
    assert await ws.code("mcp.fs.read", ["/../../etc/passwd"]) == -32012
    assert await ws.code("mcp.fs.read", ["/made/for/it.bin"]) == -32011
    assert await ws.code("mcp.fs.delete", ["/", True]) == -32012
    assert await ws.code("mcp.fs.read", []) == -32602
    assert await ws.code("mcp.fs.read", ["/a", "text", 1]) == -32602


async def documents(ws):
    xml = "<w:document xmlns:w='w'><w:body>" + "".join(
        f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>" for text in ["one", "two &amp; more"]) + "</w:body></w:document>"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", xml)
        archive.writestr("word/styles.xml", "<styles/>")
    await ws.result("mcp.fs.write", ["/letter.docx", base64.b64encode(packed.getvalue()).decode(), "base64"])
    paragraphs = await ws.result("mcp.fs.read_docx_paragraphs", ["/letter.docx"])
    assert paragraphs == [{"index": 0, "text": "one"}, {"index": 1, "text": "two & more"}], paragraphs
    await ws.result("mcp.fs.update_docx_paragraphs", ["/letter.docx", [{"index": 0, "new_text": "<1>"}]])
    assert (await ws.result("mcp.fs.read_docx_paragraphs", ["/letter.docx"]))[0]["text"] == "<1>"
    changed = base64.b64decode((await ws.result("mcp.fs.read", ["/letter.docx", "base64"]))["content"])
    with zipfile.ZipFile(io.BytesIO(changed)) as archive:
        assert archive.testzip() is None and archive.read("word/styles.xml") == b"<styles/>"
    assert await ws.code("mcp.fs.update_docx_paragraphs", ["/letter.docx", [{"index": 9, "new_text": ""}]]) == -32011


async def gateway(ws):
    names = await ws.result("mcp.hello")
    assert names == sorted(names) and {"mcp.hello", "mcp.fs.read", "mcp.llm.chat"} <= set(names), names
    assert "mcp.mail.listAccounts" not in names, names
    services = {one["service_name"]: one for one in await ws.result("mcp.listCapabilities")}
    methods = [capability["method"] for capability in services["fs"]["capabilities"]]
    assert "mcp.fs.list" in methods and services["gateway"]["version"], services
    licence = await ws.result("mcp.licence.check")
    assert {"tier", "key_id", "user_identifier", "is_valid", "expires_at", "effective_permissions", "quotas",
            "note"} == set(licence), licence
    for method in ["mcp.mail.listAccounts", "mcp.sync.listJobs", "mcp.agent.listWorkflows", "mcp.fs.embed"]:
        assert await ws.code(method) == -32601, method
    assert await ws.code("mcp.no.such") == -32601


async def kv(ws):
    assert (await ws.result("mcp.kv.set", ["colour", {"name": "blue"}]))["status"] == "success"
    assert await ws.result("mcp.kv.get", ["colour"]) == {"key": "colour", "value": {"name": "blue"}}
    assert (await ws.result("mcp.kv.get", ["nothing"]))["value"] is None
    assert (await ws.result("mcp.kv.incrby", ["count", 5]))["value"] == 5
    assert (await ws.result("mcp.kv.incrby", ["count"]))["value"] == 6
    await ws.result("mcp.kv.set", ["soon", "gone", 1])
    await asyncio.sleep(1.2)
    assert (await ws.result("mcp.kv.get", ["soon"]))["value"] is None


async def chat(ws):
    messages = [{"role": "user", "content": "say hello"}]
    for params in [[messages, {"model": "model/tiny"}], [{"messages": messages, "options": {"model": "model/tiny"}}], [messages]]:
        answer = await ws.result("mcp.llm.chat", params)
        assert answer["choices"][0]["message"]["content"], answer
    await ws.ws.send(json.dumps(request("stream", "mcp.llm.chat", [messages, {"stream": True}])))
    text, chunks = "", 0
    while True:
        answer = json.loads(await asyncio.wait_for(ws.ws.recv(), 20))
        assert answer["id"] == "stream", answer
        if answer["result"]["type"] == "llm_stream_end":
            break
        assert answer["result"]["type"] == "llm_chunk", answer
        chunks += 1
        for choice in answer["result"]["content"]["choices"]:
            text += choice["delta"].get("content") or ""
    assert chunks > 1 and text, (chunks, text)
    assert await ws.code("mcp.llm.chat", ["hi"]) == -32602


async def several(ws):
    """Batches, notifications, and many at once."""
    notice = {"jsonrpc": "2.0", "method": "mcp.fs.write", "params": ["/by-notice.txt", "x"]}
    await ws.ws.send(json.dumps([request(1, "mcp.hello"), notice, request(2, "mcp.no.such")]))
    answers = json.loads(await ws.ws.recv())
    assert [answer["id"] for answer in answers] == [1, 2] and answers[1]["error"]["code"] == -32601, answers
    numbers = [f"n{number}" for number in range(200)]
    for number in numbers:
        await ws.ws.send(json.dumps(request(number, "mcp.fs.list", ["/"])))
    seen = {json.loads(await ws.ws.recv())["id"] for _ in numbers}
    assert seen == set(numbers)
    await ws.ws.send("nonsense")
    answer = json.loads(await ws.ws.recv())
    assert answer["id"] is None and answer["error"]["code"] == -32700, answer
    for _ in range(50):
        if any(entry["name"] == "by-notice.txt" for entry in await ws.result("mcp.fs.list", ["/"])):
            return
        await asyncio.sleep(0.1)
    raise AssertionError("the notification was not done")


async def limited():
    """A key whose tokens of the day are used up by its first question, and that sends itself as the first message."""
    async with websockets.connect(f"ws://{ADDRESS}/ws") as socket_:
        ws = Ws(socket_)
        assert (await ws.result("mcp.auth", {"key": LIMITED}))["caller"] == "key:limited"
        codes = []
        for _ in range(4):
            answer = await ws.call("mcp.llm.chat", [[{"role": "user", "content": "hi"}], {"max_tokens": 15}])
            codes.append(answer.get("error", {}).get("code"))
        assert codes[-1] == -32003, codes
    async with websockets.connect(f"ws://{ADDRESS}/ws") as socket_:
        assert await Ws(socket_).code("mcp.hello") == -32000
        try:
            await socket_.recv()
        except websockets.ConnectionClosed as closed:
            assert closed.rcvd.code == 1008, closed


def raw_socket():
    """One request on a connection, as the old gateway spoke to its servers; and many, in pieces."""
    def open_socket():
        stream = socket.socket(socket.AF_UNIX)
        stream.settimeout(20)
        stream.connect(SOCKET)
        return stream

    def read(stream, kept=b""):
        while b"\0" not in kept:
            piece = stream.recv(4096)
            assert piece, "the socket ended"
            kept += piece
        message, _, rest = kept.partition(b"\0")
        return json.loads(message), rest

    stream = open_socket()
    stream.sendall(json.dumps(request("one", "mcp.hello")).encode() + b"\0")
    assert "mcp.fs.list" in read(stream)[0]["result"]
    sent = b"".join(json.dumps(request(number, "mcp.fs.list", ["/"])).encode() + b"\0" for number in range(20))
    for at in range(0, len(sent), 7):
        stream.sendall(sent[at:at + 7])
    rest, seen = b"", set()
    for _ in range(20):
        answer, rest = read(stream, rest)
        seen.add(answer["id"])
    assert seen == set(range(20))
    stream.close()


async def main():
    async with websockets.connect(f"ws://{ADDRESS}/ws", additional_headers=HEADERS) as socket_:
        ws = Ws(socket_)
        for story in [gateway, files, documents, kv, chat, several]:
            await story(ws)
    await limited()
    raw_socket()
    print("all well")


asyncio.run(main())
