"""A registry that does what a test tells it to: a small one in memory that answers truly, and a script that
makes single answers stall, be cut, lie about their length, or fail before or after the thing was stored.
Every byte that came in is kept.

    upstream = ScriptedUpstream().start()
    upstream.script("PUT", "/lib", Reply(503), Reply(503, do=True))   # lost before, then lost after storing
"""

import gzip
import json
import re
import socket
import struct
import threading
import urllib.parse
from dataclasses import dataclass, field

from support import packages
from support.processes import wait_until


@dataclass
class Request:
    head: bytes
    method: str
    path: str  # as it came, percent signs and all
    headers: dict  # lower-case names; a repeated one keeps the last value
    body: bytes = b""
    complete: bool = False  # the whole body arrived
    replied: int | None = None

    def json(self):
        return json.loads(self.body)


@dataclass
class Reply:
    status: int = 200
    body: object = b""  # bytes, or anything else as JSON
    headers: dict = field(default_factory=dict)
    do: bool = False  # first do what was asked, truly; then answer this
    content_length: int | None = None  # said, whatever is sent
    chunked: bool = False
    cut_after: int | None = None  # body bytes, then a reset; -1: reset before any byte of the answer
    stall_after: int | None = None  # body bytes, then nothing until upstream.release(); -1: before any byte
    endless: bool = False  # the body again and again, for as long as somebody reads
    cut_request_after: int | None = None  # reset after that many bytes of the request's body

    def data(self):
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


class ScriptedUpstream:
    def __init__(self, token="upstream-token"):
        self.token = token  # writes need it
        self.documents = {}  # name -> packument
        self.tarballs = {}  # path -> bytes
        self.requests = []
        self.scripts = []  # [method, pattern, [replies]]
        self.etag = True
        self.gzip = True
        self.lock = threading.RLock()
        self.released = threading.Event()
        self.stopping = False
        self.connections = set()

    # -- life

    def start(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def stop(self):
        """Answers nobody any more, nor on the connections that are open."""
        with self.lock:
            self.stopping = True
            ended = [self.listener, *self.connections]
        self.released.set()
        for one in ended:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.listener.close()

    def resume(self):
        """Listens again after stop(), on the same port."""
        self.stopping = False
        self.released = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", self.port), backlog=128)
        threading.Thread(target=self._accept, daemon=True).start()

    def release(self):
        """Lets every stalled answer go on."""
        self.released.set()

    # -- what a test says and asks

    def script(self, method, pattern, *replies):
        """The next requests whose method and whole path match get these answers, one each."""
        with self.lock:
            self.scripts.append([method, re.compile(pattern), list(replies)])

    def seen(self, method=None, pattern=".*"):
        with self.lock:
            return [request for request in self.requests
                    if (method is None or request.method == method) and re.fullmatch(pattern, request.path)]

    def wait_for(self, method, pattern=".*", count=1, seconds=20.0):
        return wait_until(lambda: (found := self.seen(method, pattern)) and len(found) >= count and found, seconds,
                          f"{count} × {method} {pattern} upstream")

    def writes(self):
        return [request for request in self.seen() if request.method not in ("GET", "HEAD")]

    def add(self, name, version, data, tag="latest", time="2020-01-01T00:00:00.000Z", served=None, **fields):
        """A version that has been there since `time`. `served`: other bytes than those the digests are of."""
        document = packages.publish_document(name, version, data, tag=tag, fields=fields)
        with self.lock:
            self._store(name, document, time)
            if served is not None:
                self.tarballs[self.tarball_path(name, version)] = served

    def versions(self, name):
        with self.lock:
            return sorted(self.documents.get(name, {}).get("versions", {}))

    def tarball(self, name, version):
        with self.lock:
            return self.tarballs[self.tarball_path(name, version)]

    # -- the true registry

    @staticmethod
    def tarball_path(name, version):
        return f"/{name}/-/{packages.base_name(name)}-{version}.tgz"

    def _store(self, name, document, time):
        kept = self.documents.setdefault(name, {"_id": name, "_rev": "0", "name": name, "dist-tags": {},
                                                "versions": {}, "time": {"created": time}, "readme": ""})
        (version,) = document["versions"]
        path = self.tarball_path(name, version)
        made = json.loads(json.dumps(document["versions"][version]))
        made["dist"]["tarball"] = self.url + path
        kept["versions"][version] = made
        kept["dist-tags"].update(document["dist-tags"])
        kept["dist-tags"].setdefault("latest", version)
        kept["time"][version] = kept["time"]["modified"] = time
        kept["_rev"] = str(int(kept["_rev"]) + 1)
        self.tarballs[path] = packages.tarball_of(document)

    def _truth(self, request):
        path = urllib.parse.unquote(request.path.split("?")[0])
        name = path.strip("/")
        if request.method in ("GET", "HEAD"):
            if path == "/-/ping":
                return Reply(200, {})
            if path in self.tarballs:
                return Reply(200, self.tarballs[path], {"content-type": "application/octet-stream"})
            if name not in self.documents:
                return Reply(404, {"error": "no such package"})
            data = json.dumps(self.documents[name]).encode()
            headers = {"content-type": "application/json"}
            if self.etag:
                headers["etag"] = f'"{packages.shasum(data)}"'
                if request.headers.get("if-none-match") == headers["etag"]:
                    return Reply(304, b"", headers)
            if self.gzip and "gzip" in request.headers.get("accept-encoding", ""):
                data, headers["content-encoding"] = gzip.compress(data, mtime=0), "gzip"
            return Reply(200, data, headers)
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return Reply(401, {"error": "who are you"})
        if request.method == "PUT" and "/-/" not in path:
            document = request.json()
            if not document.get("_attachments"):
                return Reply(403, {"error": "only a publish is taken here"})
            (version,) = document["versions"]
            if version in self.documents.get(name, {}).get("versions", {}):
                return Reply(409, {"error": "You cannot publish over the previously published versions"})
            self._store(name, document, "2026-01-01T00:00:00.000Z")
            return Reply(201, {"ok": True, "success": True})
        return Reply(404, {"error": "no such route"})

    # -- the wire

    def _accept(self):
        listener = self.listener
        while not self.stopping:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        connection.settimeout(60)
        with self.lock:
            if self.stopping:
                return connection.close()
            self.connections.add(connection)
        try:
            with connection, connection.makefile("rb") as stream:
                while not self.stopping and self._one(connection, stream):
                    pass
        except OSError:
            pass
        finally:
            with self.lock:
                self.connections.discard(connection)

    def _one(self, connection, stream):
        """One request and its answer; False when the connection is over."""
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = stream.readline(65536)
            if not line:
                return False
            head += line
        first, *lines = head.decode("latin-1").split("\r\n")
        method, path, _ = first.split(" ", 2)
        headers = {key.strip().lower(): value.strip() for key, _, value in
                   (line.partition(":") for line in lines if line)}
        request = Request(head, method, path, headers)
        with self.lock:
            self.requests.append(request)
            scripted = self._scripted(request)
        if scripted and scripted.cut_request_after is not None:
            request.body = stream.read(scripted.cut_request_after)
            return self._reset(connection)
        if headers.get("expect", "").lower() == "100-continue":
            connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        self._read_body(request, stream)
        if not request.complete:
            return False
        with self.lock:
            truth = self._truth(request) if scripted is None or scripted.do else None
        reply = scripted or truth
        request.replied = reply.status
        return self._send(connection, request, reply)

    def _scripted(self, request):
        for entry in self.scripts:
            if entry[0] == request.method and entry[2] and entry[1].fullmatch(request.path):
                return entry[2].pop(0)
        return None

    @staticmethod
    def _read_body(request, stream):
        if request.headers.get("transfer-encoding", "").lower() == "chunked":
            while True:
                size = int(stream.readline().split(b";")[0], 16)
                request.body += stream.read(size)
                stream.readline()
                if size == 0:
                    break
            request.complete = True
            return
        expected = int(request.headers.get("content-length", 0))
        while len(request.body) < expected:
            block = stream.read1(min(262144, expected - len(request.body)))
            if not block:
                return
            request.body += block
        request.complete = True

    def _send(self, connection, request, reply):
        data = reply.data()
        if reply.stall_after == -1:
            self.released.wait(120)
        if reply.cut_after == -1:
            return self._reset(connection)
        lines = [f"HTTP/1.1 {reply.status} Scripted"]
        headers = {"content-type": "application/json", **reply.headers}
        if reply.chunked:
            headers["transfer-encoding"] = "chunked"
        elif reply.status != 304:
            headers["content-length"] = reply.content_length if reply.content_length is not None else len(data)
        lines += [f"{key}: {value}" for key, value in headers.items()]
        connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n")
        if request.method == "HEAD" or reply.status == 304:
            return True
        for limit, then in ((reply.stall_after, "stall"), (reply.cut_after, "cut")):
            if limit is None or limit < 0:
                continue
            self._body(connection, data[:limit], reply.chunked)
            if then == "cut":
                return self._reset(connection)
            self.released.wait(120)
            data = data[limit:]
        self._body(connection, data, reply.chunked)
        while reply.endless and not self.stopping:
            self._body(connection, data, reply.chunked)
        if reply.chunked:
            connection.sendall(b"0\r\n\r\n")
        if reply.content_length is not None:
            return False  # the count is off now, whoever lied
        return True

    @staticmethod
    def _body(connection, data, chunked):
        if chunked and data:
            connection.sendall(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        else:
            connection.sendall(data)

    @staticmethod
    def _reset(connection):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return False
