"""Daemons whose methods are tools of Drawbridge, in ten lines. Standard library only; Python 3.9 or newer.

    from drawbridge_daemon import Daemon

    weather = Daemon("weather", "The weather, as this machine knows it.")

    @weather.method(reads=True)
    def today(city: str, unit: str = "C") -> str:
        "Says what the weather is today."
        return f"It rains in {city}."

    weather.serve()

It listens on NAME.sock, which nobody else may connect to, and describes itself in NAME.cap.json beside it. The schema of
each method's parameters and result come from its signature, its description from its docstring. An exception is an error that the caller reads;
`Failure` gives it a code. Methods are called by several threads at once.
"""

import inspect
import json
import os
import signal
import socket
import sys
import threading
import typing

CONNECTIONS_MAX = 64
REQUEST_BYTES_MAX = 16 * 1024 * 1024
KINDS = {str: "string", int: "integer", float: "number", bool: "boolean", list: "array", dict: "object", type(None): "null"}


class Failure(Exception):
    """Why a method could not do it: what happened, why, what to do. `code` is JSON-RPC's."""

    def __init__(self, message, code=-32000):
        super().__init__(message)
        self.code = code


class Daemon:
    """A daemon. `name` begins its files' and its tools' names; the folder is $DAEMON_FOLDER or Drawbridge's own."""

    def __init__(self, name, description="", version="", folder=None):
        self.name, self.description, self.version = name, description, version
        self.folder = folder or os.environ.get("DAEMON_FOLDER") or usual_folder()
        self.methods = {}
        self.places = threading.BoundedSemaphore(CONNECTIONS_MAX)

    def method(self, name=None, *, title=None, reads=False, changes=False, open_world=False, timeout_seconds=None):
        """Makes a function a method. `reads`: it changes nothing. `changes`: what it changes can be had back. Neither:
        the owner is asked before each call."""

        def made(run):
            full = name or run.__name__
            full = full if "." in full else f"mcp.{self.name}.{full}"
            capability = {
                "method": full,
                "title": title,
                "description": inspect.getdoc(run) or full,
                "params_schema": schema_of(run),
                "result_schema": kind_of(typing.get_type_hints(run).get("return")) or None,
                "annotations": {"readOnlyHint": reads, "destructiveHint": not (reads or changes), "openWorldHint": open_world},
                "timeout_seconds": timeout_seconds,
            }
            self.methods[full] = (run, {key: value for key, value in capability.items() if value is not None})
            return run

        return made

    def serve(self):
        """Serves until SIGTERM or Ctrl-C, and takes its files away then."""
        os.makedirs(self.folder, mode=0o700, exist_ok=True)
        listener, files = self.listen()
        cap = os.path.join(self.folder, self.name + ".cap.json")
        write_whole(cap, json.dumps(self.describe()))
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        try:
            while True:
                connection, _ = listener.accept()
                if self.places.acquire(blocking=False):
                    threading.Thread(target=self.answer_all, args=(connection,), daemon=True).start()
                else:
                    connection.close()
        except KeyboardInterrupt:
            pass
        finally:
            for path in files:
                os.unlink(path)

    def describe(self):
        capabilities = [capability for _, capability in self.methods.values()]
        return {"service_name": self.name, "description": self.description, "version": self.version, "capabilities": capabilities}

    def listen(self):
        """The socket, and the files that go when we do. Where Drawbridge runs us, it has made the socket, and keeps both."""
        if os.environ.get("DAEMON_SOCKET") == "stdin":
            return socket.socket(fileno=os.dup(0)), []
        path, new = os.path.join(self.folder, self.name + ".sock"), os.path.join(self.folder, f".{self.name}.{os.getpid()}")
        with socket.socket(socket.AF_UNIX) as other:
            if other.connect_ex(path) == 0:
                sys.exit(f"a daemon serves {path} already: end it first")
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(new)
        os.chmod(new, 0o600)
        listener.listen(128)
        # It gets its name only when it is private and listens.
        os.rename(new, path)
        return listener, [path, os.path.join(self.folder, self.name + ".cap.json")]

    def answer_all(self, connection):
        try:
            with connection:
                for message in messages(connection):
                    answer = self.answer(message)
                    if answer is not None:
                        connection.sendall(answer.encode() + b"\0")
        except OSError:
            pass  # The other side went away.
        finally:
            self.places.release()

    def answer(self, message):
        """What is answered to a message; None to a notification."""
        try:
            request = json.loads(message)
        except ValueError as error:
            return failed(None, -32700, f"parse error: {error}")
        if not isinstance(request, dict) or not isinstance(request.get("method"), str):
            return failed(None, -32600, "a request is an object that names a method")
        try:
            result = self.run(request["method"], request.get("params"))
            answer = json.dumps({"jsonrpc": "2.0", "id": request.get("id"), "result": result}, allow_nan=False)
        except Failure as failure:
            answer = failed(request.get("id"), failure.code, str(failure))
        except Exception as error:  # Whatever a method raises is an answer, and the daemon goes on.
            answer = failed(request.get("id"), -32000, f"{type(error).__name__}: {error}")
        return answer if "id" in request else None

    def run(self, method, params):
        if method not in self.methods:
            if method == "ping":
                return {}
            raise Failure(f"there is no method {method}", -32601)
        run, _ = self.methods[method]
        given = params if isinstance(params, dict) else {}
        listed = params if isinstance(params, list) else []
        try:
            bound = inspect.signature(run).bind(*listed, **given)
        except TypeError as error:
            raise Failure(f"invalid params: {error}", -32602) from None
        return run(*bound.args, **bound.kwargs)


def failed(request_id, code, message):
    return json.dumps({"jsonrpc": "2.0", "id": request_id, "error": {"code": code, "message": message}})


def messages(connection):
    arrived = bytearray()
    while chunk := connection.recv(65536):
        arrived += chunk
        while (end := arrived.find(b"\0")) >= 0:
            yield bytes(arrived[:end])
            del arrived[: end + 1]
        if len(arrived) > REQUEST_BYTES_MAX:
            return


def schema_of(run):
    """The JSON Schema of a function's parameters, by position."""
    hints = typing.get_type_hints(run)
    places, required = [], 0
    for name, parameter in inspect.signature(run).parameters.items():
        place = {"title": name, **kind_of(hints.get(name))}
        if parameter.default is inspect.Parameter.empty:
            required += 1
        else:
            place["default"] = parameter.default
        places.append(place)
    return {"type": "array", "prefixItems": places, "minItems": required, "maxItems": len(places)}


def kind_of(hint):
    """The JSON Schema of a type, as far as it is a plain one or a TypedDict of such; {} of any other."""
    if hasattr(hint, "__required_keys__"):
        members = {name: kind_of(kind) for name, kind in typing.get_type_hints(hint).items()}
        return {"type": "object", "properties": members, "required": sorted(hint.__required_keys__)}
    kind = KINDS.get(typing.get_origin(hint) or hint)
    return {"type": kind} if kind else {}


def write_whole(path, text):
    """Whole or not at all, and for us alone."""
    new = f"{path}.{os.getpid()}"
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(new, path)


def usual_folder():
    home, runtime = os.environ.get("DRAWBRIDGE_HOME"), os.environ.get("XDG_RUNTIME_DIR")
    if home:
        return os.path.join(home, "run", "daemons")
    if runtime:
        return os.path.join(runtime, "drawbridge", "daemons")
    data = os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")
    return os.path.join(data, "drawbridge", "run", "daemons")
