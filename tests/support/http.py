"""A plain HTTP client for tests: one request, one answer, no retries, nothing followed."""

import gzip
import http.client
import json
import urllib.parse
from dataclasses import dataclass
from http.client import HTTPException  # noqa: F401  what a broken answer raises


@dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def json(self):
        return json.loads(self.body)

    @property
    def ok(self):
        return 200 <= self.status < 300

    @property
    def error(self):
        """The sentence every refusal must carry."""
        sentence = self.json()["error"]
        assert isinstance(sentence, str) and sentence
        return sentence


def request(method, url, body=None, token=None, headers=None, seconds=30.0):
    """body: bytes, or anything else as JSON. The path goes out as it is written, percent signs and all."""
    parts = urllib.parse.urlsplit(url)
    fields = dict(headers or {})
    if token:
        fields.setdefault("authorization", f"Bearer {token}")
    if body is not None and not isinstance(body, bytes):
        body = json.dumps(body).encode()
        fields.setdefault("content-type", "application/json")
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=seconds)
    try:
        connection.request(method, parts.path + (f"?{parts.query}" if parts.query else ""), body, fields)
        response = connection.getresponse()
        data = response.read()
        if response.getheader("content-encoding") == "gzip":
            data = gzip.decompress(data)
        return Answer(response.status, response.headers, data)
    finally:
        connection.close()


def get(url, **options):
    return request("GET", url, **options)


def put(url, body, **options):
    return request("PUT", url, body, **options)


def post(url, body=None, **options):
    return request("POST", url, body if body is not None else b"", **options)


def delete(url, **options):
    return request("DELETE", url, **options)
