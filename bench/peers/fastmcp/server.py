"""A FastMCP server over Streamable HTTP: server.py TOOLS.json

It lists the tools of that file, and each of them answers with its `message`. Its settings favour it: uvloop and httptools,
answers as plain JSON, no access log, tools that are coroutines and carry no second, structured copy of the answer.
"""

import json
import socket
import sys

import uvicorn
from fastmcp import FastMCP
from fastmcp.tools.base import Tool, ToolResult
from mcp_types import TextContent


class Echo(Tool):
    async def run(self, arguments):
        return ToolResult(content=[TextContent(type="text", text=arguments["message"])])


def main():
    server = FastMCP("bench")
    with open(sys.argv[1], encoding="utf-8") as file:
        for tool in json.load(file):
            server.add_tool(Echo(name=tool["name"], description=tool["description"], parameters=tool["inputSchema"]))
    app = server.http_app(path="/mcp", json_response=True)
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(128)
    print("127.0.0.1:%d" % listener.getsockname()[1], flush=True)
    uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False)).run(sockets=[listener])


main()
