from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gateway.compliance.entry import EntryRef
from gateway.compliance.heads import (
    HEADS_FILE,
    SIGNING_KEY_FILE,
    HeadError,
    HeadSigner,
    SignedHead,
    day_of,
    public_key,
    read_heads,
)

HEAD = EntryRef(7, 1_700_000_000.0, "ab" * 32)


def test_a_day_is_a_day_in_beijing() -> None:
    assert day_of(1_700_000_000.0) == "2023-11-15"
    assert (day_of(1_700_063_999.0), day_of(1_700_064_000.0)) == ("2023-11-15", "2023-11-16")


def test_a_head_is_signed_with_ed25519_over_day_number_and_hash(tmp_path: Path) -> None:
    signed = HeadSigner(tmp_path).sign(HEAD)
    message = b"gbgateway ledger head\n2023-11-15\n7\n" + b"ab" * 32 + b"\n"
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key(tmp_path)))
    key.verify(bytes.fromhex(signed.signature), message)
    assert (signed.day, signed.seq, signed.hash) == ("2023-11-15", 7, "ab" * 32)
    assert (tmp_path / SIGNING_KEY_FILE).stat().st_mode & 0o777 == 0o600


def test_the_key_stays_the_same_and_heads_are_read_back_in_order(tmp_path: Path) -> None:
    first = HeadSigner(tmp_path).sign(HEAD)
    noted = public_key(tmp_path)
    second = HeadSigner(tmp_path).sign(EntryRef(9, 1_700_086_400.0, "cd" * 32))
    assert public_key(tmp_path) == noted
    assert read_heads(tmp_path / HEADS_FILE, noted) == [first, second]


@pytest.mark.parametrize(("old", "new"), [(b'"seq":7', b'"seq":8'), (b"2023-11-15", b"2023-11-16"), (b"abab", b"cdcd")])
def test_a_changed_head_is_not_genuine(tmp_path: Path, old: bytes, new: bytes) -> None:
    HeadSigner(tmp_path).sign(HEAD)
    file = tmp_path / HEADS_FILE
    file.write_bytes(file.read_bytes().replace(old, new, 1))
    with pytest.raises(HeadError, match="not genuine") as caught:
        read_heads(file, public_key(tmp_path))
    assert caught.value.seq in (7, 8)


@pytest.mark.parametrize("line", [b"nonsense", b"{}", b'{"day":"d","seq":1,"hash":"h","signature":"xyz"}', b"[]"])
def test_a_line_that_is_no_head_is_said(tmp_path: Path, line: bytes) -> None:
    HeadSigner(tmp_path)
    (tmp_path / HEADS_FILE).write_bytes(line + b"\n")
    with pytest.raises(HeadError, match="not a signed head"):
        read_heads(tmp_path / HEADS_FILE, public_key(tmp_path))


def test_without_heads_there_are_none_and_without_a_key_it_is_said(tmp_path: Path) -> None:
    assert read_heads(tmp_path / HEADS_FILE, "ab" * 32) == []
    with pytest.raises(HeadError, match="no public key"):
        public_key(tmp_path)
    (tmp_path / HEADS_FILE).write_bytes(b"{}")
    with pytest.raises(HeadError, match="32 bytes"):
        read_heads(tmp_path / HEADS_FILE, "short")
    assert SignedHead("d", 1, "h", "s").seq == 1
