"""Where the programs under test and the clients are."""

import functools
import os
import platform
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@functools.cache
def clients_folder():
    """The folder that tests/clients fills; tests/run hands it on."""
    if given := os.environ.get("SALLYPORT_CLIENTS"):
        return Path(given) / "node_modules"
    shown = subprocess.run([ROOT / "tests/clients"], check=True, stdout=subprocess.PIPE, text=True).stdout
    return Path(shown.strip()) / "node_modules"


@functools.cache
def node():
    machine = {"x86_64": "x64", "aarch64": "arm64"}[platform.machine()]
    return clients_folder() / f"node-linux-{machine}" / "bin" / "node"


def gateway_binary():
    return Path(os.environ.get("SALLYPORT_BINARY", ROOT / "build/release/sallyport"))


def faults_binary():
    """The same program with live crash points (storage/base/fault.hpp)."""
    return Path(os.environ.get("SALLYPORT_FAULTS_BINARY", ROOT / "build/release/sallyport-faults"))


@functools.cache
def attestations():
    """The program that makes attestations (differential/attestations.cpp), built if it is not there."""
    subprocess.run([ROOT / "deploy/build", "dev", "attestations"], check=True, stdout=subprocess.DEVNULL)
    return ROOT / "build/dev/tests/attestations"
