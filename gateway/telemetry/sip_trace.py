"""A file of every SIP message as it crossed the wire, for whoever has to find out why two platforms do not agree.

One JSON object a line: `at` (unix seconds), `direction` ("<" received, ">" sent), `transport`, `peer`, `local` and the
whole `message`, with what proves a password masked. The file is as private as what it shows: mode 0600.
"""

from __future__ import annotations

import os
import re
from io import FileIO
from pathlib import Path

import orjson
import structlog

from gateway.secrets import MASK, redact_text
from sip.aio import WireEvent

log = structlog.get_logger("gateway.telemetry")

_PROOF = re.compile(r"(?im)^((?:proxy-)?authorization|authentication-info)([ \t]*:[ \t]*)([^\n]*(?:\n[ \t][^\n]*)*)")
_RESPONSE = re.compile(r"(?i)\b(response|rspauth)(\s*=\s*)(?:\"[^\"]*\"|[^,\s]*)")


class SipTrace:
    """The file; when it exceeds `limit_bytes` it is put aside as `NAME.1` in the place of the one before.

    A message that cannot be written (a full disk) is told in the log and ends the trace, never the signalling.
    """

    def __init__(self, path: Path, limit_bytes: int) -> None:
        """Append to `path`, making it and its directory. Raises OSError."""
        self._path, self._limit = path, limit_bytes
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file: FileIO | None = _opened(path)

    def write(self, event: WireEvent) -> None:
        """Add one message."""
        if self._file is None:
            return
        line = orjson.dumps(
            {
                "at": event.at,
                "direction": event.direction,
                "transport": event.peer.transport,
                "peer": f"{event.peer.host}:{event.peer.port}",
                "local": f"{event.local[0]}:{event.local[1]}",
                "message": masked(event.data),
            },
            option=orjson.OPT_APPEND_NEWLINE,
        )
        try:
            self._file.write(line)
            if self._file.tell() > self._limit:
                self._put_aside()
        except OSError as error:
            log.error("SIP trace ended", file=str(self._path), problem=str(error))
            self.close()

    def close(self) -> None:
        """Close the file; what comes later is not kept."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _put_aside(self) -> None:
        self.close()
        self._path.replace(self._path.with_name(f"{self._path.name}.1"))
        self._file = _opened(self._path)


def _opened(path: Path) -> FileIO:
    return FileIO(path, "a", opener=lambda name, flags: os.open(name, flags, 0o600))


def masked(data: bytes) -> str:
    """A message as text (UTF-8, else GB 18030) without what proves a password: digest responses, passwords, tokens."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("gb18030", "replace")
    head, blank, body = text.partition("\r\n\r\n")
    proofs: list[str] = []

    def keep(found: re.Match[str]) -> str:
        """Set a header with a proof aside, so that the rest can be masked by its general shape."""
        proofs.append(f"{found[1]}{found[2]}{_without_proof(found[3])}")
        return f"\x00{len(proofs) - 1}\x00"

    shown = redact_text(_PROOF.sub(keep, head.replace("\x00", "\ufffd")))
    shown = re.sub("\x00(\\d+)\x00", lambda found: proofs[int(found[1])], shown)
    return shown + blank + redact_text(body)


def _without_proof(value: str) -> str:
    """Who logs in where, and by which algorithm, is kept of a digest; of anything else nothing is."""
    end = "\r" if value.endswith("\r") else ""
    if not re.match(r"(?i)digest\s|rspauth|nextnonce|qop|cnonce|nc", value):
        return MASK + end
    return _RESPONSE.sub(rf'\1\2"{MASK}"', value)
