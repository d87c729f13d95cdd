"""Nonces: issued for nothing, recognised, counted, bounded."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.nonce import NonceTable


def test_a_nonce_is_32_hex_digits_and_never_the_same() -> None:
    table = NonceTable()
    nonces = {table.issue(1000.0) for _ in range(1000)}
    assert len(nonces) == 1000
    assert all(len(nonce) == 32 and int(nonce, 16) >= 0 for nonce in nonces)
    assert len(table) == 0


def test_a_nonce_is_good_until_its_lifetime_is_over() -> None:
    table = NonceTable(300)
    nonce = table.issue(1000.9)
    assert table.check(nonce, "00000001", 1300.0) == "ok"
    assert table.check(nonce, "00000002", 1301.0) == "stale"
    assert table.check(table.issue(1000.0), "00000001", 1301.0) == "stale"


def test_a_nonce_we_never_gave_is_unknown() -> None:
    table = NonceTable()
    nonce = table.issue(0.0)
    forged = [nonce[:-1] + ("0" if nonce[-1] != "0" else "1"), "", "x" * 32, "东" * 32, nonce + "0", "-" + nonce[1:]]
    for text in forged:
        assert table.check(text, "00000001", 0.0) == "unknown"
    assert NonceTable().check(nonce, "00000001", 0.0) == "unknown"


def test_tables_with_one_key_know_each_others_nonces() -> None:
    one, other = NonceTable(key=b"k" * 32), NonceTable(key=b"k" * 32)
    assert other.check(one.issue(5.0), "00000001", 6.0) == "ok"


def test_the_count_must_rise() -> None:
    table = NonceTable()
    nonce = table.issue(0.0)
    verdicts = [table.check(nonce, nc, 1.0) for nc in ("00000001", "00000001", "2", "0000000a", "00000009", "b")]
    assert verdicts == ["ok", "replay", "ok", "ok", "replay", "ok"]


@pytest.mark.parametrize("nc", [None, "xyz", ""])
def test_without_a_count_a_nonce_is_good_once(nc: str | None) -> None:
    table = NonceTable()
    nonce = table.issue(0.0)
    assert table.check(nonce, nc, 1.0) == "ok"
    assert table.check(nonce, nc, 1.0) == "replay"


def test_what_is_kept_is_bounded_and_nothing_forgotten_can_be_replayed() -> None:
    table = NonceTable(300, capacity=10)
    nonces = [table.issue(float(second)) for second in range(50)]
    for second, nonce in enumerate(nonces):
        assert table.check(nonce, "00000001", float(second)) == "ok"
        assert len(table) <= 10
    assert {table.check(nonce, "00000002", 50.0) for nonce in nonces[:40]} == {"stale"}
    assert {table.check(nonce, "00000002", 50.0) for nonce in nonces[40:]} == {"ok"}


def test_expired_nonces_make_room_without_loss() -> None:
    table = NonceTable(10, capacity=5)
    for second in range(0, 1000, 3):
        assert table.check(table.issue(float(second)), None, float(second)) == "ok"
    assert len(table) <= 5
    assert table.check(table.issue(1000.0), None, 1000.0) == "ok"


@given(st.text(max_size=40), st.none() | st.text(max_size=20), st.floats(0, 1e10))
def test_any_text_gets_a_verdict(nonce: str, nc: str | None, now: float) -> None:
    assert NonceTable().check(nonce, nc, now) == "unknown"


def test_a_nonce_belongs_to_whom_it_was_given_and_to_nobody_else() -> None:
    table = NonceTable()
    nonce = table.issue(100, "192.0.2.7")
    assert table.issued(nonce, "192.0.2.7") and not table.issued(nonce, "192.0.2.8") and not table.issued(nonce)
    assert table.check(nonce, "1", 101, "192.0.2.8") == "unknown" and len(table) == 0
    assert table.check(nonce, "1", 101, "192.0.2.7") == "ok"
    assert table.issued(nonce, "192.0.2.7")
