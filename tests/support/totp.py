"""One-time passwords as an authenticator app makes them (RFC 6238, SHA-1, six digits, 30 s)."""

import base64
import hashlib
import hmac
import struct
import time
import urllib.parse


def secret_of(otpauth_url):
    return urllib.parse.parse_qs(urllib.parse.urlsplit(otpauth_url).query)["secret"][0]


def code(secret, at=None, step=0):
    """step: -1 is the code before the current one, 1 the next."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    counter = int((time.time() if at is None else at) // 30) + step
    digest = hmac.new(key, struct.pack(">Q", counter), hashlib.sha1).digest()
    offset = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[offset:offset + 4])[0] & 0x7FFFFFFF) % 1_000_000:06d}"
