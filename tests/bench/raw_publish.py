"""A client that knows when each byte left."""

import select
import socket
import time
import urllib.parse
from dataclasses import dataclass

from support import packages

STEP_BYTES = 64 << 10
HEAD_ANSWER_S = 0.3


@dataclass
class Sent:
    status: int
    body_bytes: int   # of the body, when the answer began
    wait_s: float     # from the last of them to the first byte of the answer
    answer: bytes


def put(url, token, body, bytes_per_second=None, look_first=False, seconds=120.0):
    """PUT of a Body. Stops sending when an answer comes. look_first: gives the server a moment to answer the
    headers, before any byte of the body."""
    where = urllib.parse.urlsplit(url)
    with body.open() as data, socket.create_connection((where.hostname, where.port), timeout=seconds) as link:
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        link.sendall((f"PUT /{packages.escaped(body.name)} HTTP/1.1\r\nhost: {where.netloc}\r\n"
                      f"authorization: Bearer {token}\r\ncontent-type: application/json\r\n"
                      f"content-length: {len(data)}\r\n\r\n").encode())
        began = last = time.perf_counter()
        at = 0
        view = memoryview(data)
        try:
            answered = look_first and bool(select.select([link], [], [], HEAD_ANSWER_S)[0])
            while at < len(data) and not answered:
                if bytes_per_second:
                    ahead = at / bytes_per_second - (time.perf_counter() - began)
                    if ahead > 0:
                        time.sleep(ahead)
                step = view[at:at + STEP_BYTES]
                link.sendall(step)
                last = time.perf_counter()
                at += len(step)
                step.release()
                answered = at < len(data) and bool(select.select([link], [], [], 0)[0])
        except ConnectionError:
            pass  # refused: the answer is there to be read, or was
        finally:
            view.release()
        answer = link.recv(65536)
        wait = time.perf_counter() - last
        status = int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else 0
        return Sent(status, at, wait, answer)
