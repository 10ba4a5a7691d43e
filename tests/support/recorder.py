"""A pass-through in front of a registry that keeps what clients sent: the bytes a client packed are those
of its own request, whatever arrives elsewhere."""

import http.client
import json
import threading
import urllib.parse
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from support import packages


@dataclass
class Exchange:
    method: str
    path: str
    headers: dict
    body: bytes
    status: int
    answer_headers: dict
    answer: bytes


class Recorder:
    def __init__(self, target):
        self.exchanges = []
        recorder, host = self, urllib.parse.urlsplit(target).netloc

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def pass_on(self):
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                connection = http.client.HTTPConnection(host, timeout=120)
                # The Host stays the client's: URLs in answers lead back here.
                connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
                for key, value in self.headers.items():
                    if key.lower() not in ("connection", "keep-alive"):
                        connection.putheader(key, value)
                connection.endheaders(body or None)
                response = connection.getresponse()
                answer = response.read()
                recorder.exchanges.append(Exchange(
                    self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body, response.status,
                    {k.lower(): v for k, v in response.getheaders()}, answer))
                self.send_response_only(response.status, response.reason)
                for key, value in response.getheaders():
                    if key.lower() not in ("connection", "keep-alive", "transfer-encoding", "content-length"):
                        self.send_header(key, value)
                if response.status not in (204, 304):
                    self.send_header("content-length", str(len(answer)))
                self.end_headers()
                if self.command != "HEAD" and response.status not in (204, 304):
                    self.wfile.write(answer)
                connection.close()

            do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = pass_on

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass  # a client that went away

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def start(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def publishes(self):
        """Every publish document that was sent, staged ones too."""
        return [json.loads(exchange.body) for exchange in self.exchanges
                if exchange.method in ("PUT", "POST") and b'"_attachments"' in exchange.body]

    def packed(self):
        """The tarball of the only publish."""
        (document,) = self.publishes()
        return packages.tarball_of(document)
