from __future__ import annotations

import hashlib

import pytest

from gateway.compliance.entry import GENESIS, Entry, canonical, link, parse

BODY = (
    b'{"action":"live","actor_id":"wang","actor_kind":"user","at":1700000000.5,"bytes":null,"clause":"A10",'
    b'"code":"34020000001310000001","content_hash":"","destination":"browser","detail":{"a":1,"b":"\xe9\x97\xa8"},'
    b'"grant_id":"g1","peer_id":"34020000001320000001","purpose":"patrol","result":"granted","seconds":null,"seq":1,'
    b'"span_end":null,"span_start":null}'
)
ENTRY = Entry(
    "user",
    "wang",
    "live",
    "granted",
    peer_id="34020000001320000001",
    code="34020000001310000001",
    grant_id="g1",
    purpose="patrol",
    destination="browser",
    clause="A10",
    detail={"b": "门", "a": 1},
)


def test_the_canonical_bytes_are_sorted_json_without_spaces() -> None:
    assert canonical(1, 1_700_000_000.5, ENTRY) == BODY


def test_the_hash_covers_the_hash_before_and_the_bytes() -> None:
    assert link(GENESIS, BODY) == hashlib.sha256(bytes(32) + BODY).hexdigest()
    assert link("ff" * 32, BODY) == hashlib.sha256(b"\xff" * 32 + BODY).hexdigest()


def test_an_entry_is_read_back_from_its_bytes() -> None:
    assert parse(BODY) == (1, 1_700_000_000.5, ENTRY)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"seq":1,"at":1}', BODY.replace(b'"purpose"', b'"porpoise"')])
def test_bytes_that_are_no_entry_are_refused(body: bytes) -> None:
    with pytest.raises(ValueError):
        parse(body)


def test_secrets_in_the_detail_are_never_written() -> None:
    body = canonical(1, 0.0, Entry("user", "wang", "device.create", "done", detail={"password": "s3cret"}))
    assert b"s3cret" not in body and b"***" in body
