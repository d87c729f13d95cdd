"""Signed heads of the ledger: at the end of each day the newest entry's number and hash are signed (Ed25519).

They stand in a file of their own, one JSON object a line, made to be copied to another machine: whoever cuts entries
off the ledger, or rewrites its whole chain, cannot make it agree with a head signed before.
"""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from gateway.compliance.entry import EntryRef
from gateway.errors import GatewayError
from gateway.secrets import key_of

HEADS_FILE = "ledger-heads.jsonl"
SIGNING_KEY_FILE = "ledger-signing.key"
PUBLIC_KEY_FILE = "ledger-signing.pub"
BEIJING = timezone(timedelta(hours=8))


class HeadError(GatewayError):
    """A line of the heads file is not a head, or its signature is not genuine; ``seq`` is its entry, if known."""

    def __init__(self, seq: int | None, problem: str) -> None:
        self.seq = seq
        super().__init__(problem)


@dataclass(frozen=True, slots=True)
class SignedHead:
    """The last entry of one day (``day`` is a date in Beijing time); ``signature`` is hex."""

    day: str
    seq: int
    hash: str
    signature: str


def day_of(at: float) -> str:
    """The date, in Beijing time, of ``at`` (unix seconds)."""
    return datetime.fromtimestamp(at, BEIJING).date().isoformat()


def _signed_bytes(day: str, seq: int, digest: str) -> bytes:
    return f"gbgateway ledger head\n{day}\n{seq}\n{digest}\n".encode()


class HeadSigner:
    """Signs heads with the key of ``directory``, made at first use; its public half is written beside it."""

    def __init__(self, directory: Path) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(key_of(directory / SIGNING_KEY_FILE))
        self._file = directory / HEADS_FILE
        public = directory / PUBLIC_KEY_FILE
        text = self._key.public_key().public_bytes_raw().hex()
        if not public.exists() or public.read_text().strip() != text:
            public.write_text(text + "\n")

    def sign(self, head: EntryRef) -> SignedHead:
        """Sign ``head`` as the last entry of its day, and write that down for good."""
        day = day_of(head.at)
        signed = SignedHead(day, head.seq, head.hash, self._key.sign(_signed_bytes(day, head.seq, head.hash)).hex())
        with self._file.open("ab") as file:
            file.write(orjson.dumps(asdict(signed)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        return signed


def public_key(directory: Path) -> str:
    """The public key (hex) of ``directory``'s signer."""
    try:
        return (directory / PUBLIC_KEY_FILE).read_text().strip()
    except OSError as error:
        raise HeadError(None, f"there is no public key: {error}") from error


def read_heads(file: Path, key: str) -> list[SignedHead]:
    """The heads of ``file``, each genuine under the public ``key`` (hex); none when there is no file."""
    if not file.exists():
        return []
    try:
        verifier = Ed25519PublicKey.from_public_bytes(bytes.fromhex(key))
    except ValueError as error:
        raise HeadError(None, "the public key is not 32 bytes in hex") from error
    return [_read(line, verifier) for line in file.read_bytes().splitlines()]


def _read(line: bytes, verifier: Ed25519PublicKey) -> SignedHead:
    try:
        head = SignedHead(**orjson.loads(line))
        signature = bytes.fromhex(head.signature)
    except (TypeError, ValueError) as error:
        raise HeadError(None, f"a line of {HEADS_FILE} is not a signed head: {error}") from error
    try:
        verifier.verify(signature, _signed_bytes(head.day, head.seq, head.hash))
    except InvalidSignature as error:
        raise HeadError(head.seq, f"the signed head of {head.day} is not genuine") from error
    return head
