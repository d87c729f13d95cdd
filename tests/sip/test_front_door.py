"""The package's front door opens the RFC part alone."""

from __future__ import annotations

import subprocess
import sys

import sip


def test_every_name_offered_is_there() -> None:
    assert [name for name in sip.__all__ if not hasattr(sip, name)] == []
    assert sorted(set(sip.__all__)) == sorted(sip.__all__)


def test_importing_sip_brings_neither_sockets_nor_manscdp() -> None:
    probe = "import sip, sys; print([m for m in ('asyncio', 'sip.aio', 'sip.manscdp') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
