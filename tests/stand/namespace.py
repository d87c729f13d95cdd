"""Network namespaces on one machine: each has its own cards and routes, and a thread whose sockets live in it.

Needs root and the program `ip`. Programs started from the thread live in the namespace too.
"""

from __future__ import annotations

import asyncio
import ctypes
import functools
import os
import shutil
import subprocess
import threading
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def ip(*words: str) -> None:
    """Run `ip`. Raises CalledProcessError with what it says."""
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


@functools.cache
def usable() -> bool:
    """Whether namespaces, a pair of cards and a tunnel can be made here."""
    if os.geteuid() != 0 or shutil.which("ip") is None or not Path("/dev/net/tun").exists():
        return False
    name = f"gbt{os.getpid()}"
    try:
        ip("netns", "add", name)
    except (OSError, subprocess.CalledProcessError):
        return False
    try:
        ip("-n", name, "link", "add", "gbv0", "type", "veth", "peer", "name", "gbv1")
        ip("-n", name, "tuntap", "add", "dev", "gbt0", "mode", "tun")
    except subprocess.CalledProcessError:
        return False
    finally:
        ip("netns", "del", name)
    return True


def enter(name: str) -> None:
    """Move the calling thread into a namespace, for good."""
    with Path(f"/run/netns/{name}").open("rb") as place:
        if _libc.setns(place.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"setns {name}")


class Namespace:
    """`with Namespace("dev") as dev: dev.run(coroutine)`. Its name on the machine is unique."""

    def __init__(self, label: str) -> None:
        self.name = f"gb{os.getpid()}{label}"
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._live, name=self.name, daemon=True)

    def __enter__(self) -> Namespace:
        ip("netns", "add", self.name)
        self.ip("link", "set", "lo", "up")
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        ip("netns", "del", self.name)

    def ip(self, *words: str) -> None:
        """Run `ip` in the namespace."""
        ip("-n", self.name, *words)

    def run(self, work: Coroutine[Any, Any, T], timeout_s: float = 90.0) -> T:
        """Do something in the namespace and wait for it."""
        assert self._loop is not None
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout_s)

    def _live(self) -> None:
        enter(self.name)
        with asyncio.Runner() as runner:
            self._loop = runner.get_loop()
            self._ready.set()
            self._loop.run_forever()


def cable(one: Namespace, one_address: str, other: Namespace, other_address: str, label: str) -> None:
    """A network of two cards; addresses with their prefix length."""
    ends = [f"{label}{os.getpid()}a"[:15], f"{label}{os.getpid()}b"[:15]]
    ip("link", "add", ends[0], "type", "veth", "peer", "name", ends[1])
    for end, place, address in zip(ends, (one, other), (one_address, other_address), strict=True):
        ip("link", "set", end, "netns", place.name)
        place.ip("addr", "add", address, "dev", end)
        place.ip("link", "set", end, "up")
