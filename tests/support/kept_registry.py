"""The registry that npm on this machine is configured with, kept: what was asked for once is on disk beside the
clients, so that a run is quick and every run sees the same versions. Every URL in its documents leads back to it, so
a cut is a real one: no way leads around it.

    registry = KeptRegistry().start()
    registry.cut()       # refuses connections, and ends those that are open
"""

import functools
import gzip
import hashlib
import os
import socket
import ssl
import subprocess
import threading
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from support import tools

FETCH_SECONDS = 60
TRIES = 3


@functools.cache
def behind():
    """Its URL, with a slash at the end."""
    npm = [tools.node(), tools.clients_folder() / "npm11/bin/npm-cli.js"]
    shown = subprocess.run([*npm, "config", "get", "registry"], check=True, cwd="/", stdout=subprocess.PIPE, text=True)
    return shown.stdout.strip().rstrip("/") + "/"


class KeptRegistry:
    token = "none"  # nothing is published here

    def __init__(self):
        behind()  # before threads ask for it
        self.store = tools.clients_folder().parent.parent / "registry"
        self.store.mkdir(exist_ok=True)
        self.asked = []  # (path, status)
        self.fetched = 0  # of them, not kept before
        self.prepared = {}  # path -> (body, content type, encoding, etag)
        self.open = set()
        self.lock = threading.Lock()
        self.filling = {}
        self.port = 0

    def start(self):
        registry = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            wbufsize = -1  # head and body leave together

            def do_GET(self):
                registry.answer(self)

            do_HEAD = do_GET

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False
            request_queue_size = 512

            def process_request(self, request, address):
                with registry.lock:
                    registry.open.add(request)
                super().process_request(request, address)

            def shutdown_request(self, request):
                with registry.lock:
                    registry.open.discard(request)
                super().shutdown_request(request)

            def handle_error(self, *_):
                pass  # a connection that was cut

        self.server = Server(("127.0.0.1", self.port), Handler)
        self.port = self.server.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def cut(self):
        self.server.shutdown()
        self.server.server_close()
        with self.lock:
            for connection in self.open:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    stop = cut

    # -- one answer

    def answer(self, handler):
        path = handler.path.split("?")[0].replace("%2F", "%2f")
        try:
            body, kind, encoding, etag = self.prepare(path)
            status = 304 if handler.headers.get("if-none-match") == etag else 200
        except urllib.error.HTTPError as error:
            body, kind, encoding, etag, status = b'{"error": "not there"}', "application/json", None, None, error.code
        with self.lock:
            self.asked.append((path, status))
        if encoding and "gzip" not in handler.headers.get("accept-encoding", ""):
            body, encoding = gzip.decompress(body), None
        handler.send_response_only(status)
        handler.send_header("content-type", kind)
        if etag:
            handler.send_header("etag", etag)
        if encoding:
            handler.send_header("content-encoding", encoding)
        if status != 304:
            handler.send_header("content-length", str(len(body)))
        handler.end_headers()
        if handler.command == "GET" and status != 304:
            handler.wfile.write(body)

    def prepare(self, path):
        with self.lock:
            if path in self.prepared:
                return self.prepared[path]
            mine = self.filling.setdefault(path, threading.Lock())
        with mine:
            if path not in self.prepared:
                data, etag = self.kept(path)
                if path.endswith(".tgz"):
                    return data, "application/octet-stream", None, etag  # from disk each time
                data = gzip.decompress(data).replace(behind().encode(), self.url.encode() + b"/")
                self.prepared[path] = (gzip.compress(data, 1, mtime=0), "application/json", "gzip", etag)
            return self.prepared[path]

    def kept(self, path):
        """The bytes as they are on disk (documents compressed), and their ETag."""
        file = self.store / hashlib.sha256(path.encode()).hexdigest()
        if not file.exists():
            data = self.fetch(path)
            with self.lock:
                self.fetched += 1
            if not path.endswith(".tgz"):
                data = gzip.compress(data, 6, mtime=0)
            fresh = file.with_suffix(f".{os.getpid()}")
            fresh.write_bytes(data)
            fresh.rename(file)
        data = file.read_bytes()
        return data, f'"{hashlib.sha256(data).hexdigest()[:32]}"'

    @staticmethod
    def fetch(path):
        request = urllib.request.Request(behind() + path.lstrip("/"), headers={"accept-encoding": "gzip"})
        for left in reversed(range(TRIES)):
            try:
                with urllib.request.urlopen(request, timeout=FETCH_SECONDS, context=ssl.create_default_context()) as answer:
                    data = answer.read()
                    return gzip.decompress(data) if answer.headers.get("content-encoding") == "gzip" else data
            except urllib.error.HTTPError as error:
                if error.code == 404 or left == 0:
                    raise
            except OSError:
                if left == 0:
                    raise
