"""Certificates of an authority that nobody else trusts."""

import os
import subprocess


def run(*command):
    subprocess.run([str(part) for part in command], check=True, capture_output=True)


class Authority:
    """A company's own: issues certificates for 127.0.0.1."""

    def __init__(self, folder):
        self.folder, self.file = folder, folder / "ca.pem"
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-subj", "/CN=Test authority", "-keyout", folder / "ca.key", "-out", self.file)

    def issue(self, name):
        """Over the files of the one before, each replaced as a whole."""
        key, request, extra, fresh = (self.folder / part for part in ("new.key", "new.csr", "ext", "new.pem"))
        run("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
            "-keyout", key, "-out", request)
        extra.write_text("subjectAltName=IP:127.0.0.1\n")
        run("openssl", "x509", "-req", "-in", request, "-CA", self.file, "-CAkey", self.folder / "ca.key", "-days", "2",
            "-CAcreateserial", "-extfile", extra, "-out", fresh)
        os.replace(key, self.folder / "tls.key")
        os.replace(fresh, self.folder / "tls.pem")
