from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.compliance.access import AccessRequest, Action, Actor, Facts, Span
from gateway.compliance.entry import EntryRef, LedgerRow
from gateway.compliance.grant import Grant, Grants
from gateway.compliance.ledger import Ledger, LedgerQuery
from gateway.errors import Denied, Failure, LocalError

USER = Actor("user", "wang")


def request(action: Action = Action.LIVE, actor: Actor = USER, **facts: object) -> AccessRequest:
    known = {"role": "viewer"} | facts
    return AccessRequest(actor, action, "peer", "code", "patrol", "browser", facts=Facts(**known))  # type: ignore[arg-type]


@dataclass
class Office:
    ledger: Ledger
    grants: Grants
    now: list[float]

    async def rows(self) -> list[LedgerRow]:
        return list(reversed(await self.ledger.entries(LedgerQuery())))


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    now = [1000.0]
    ledger = Ledger.open(tmp_path, clock=lambda: now[0])
    yield Office(ledger, Grants(ledger, lifetime_seconds=100, clock=lambda: now[0]), now)
    await ledger.close()


def test_a_grant_cannot_be_constructed_from_outside() -> None:
    with pytest.raises(LocalError):
        Grant("g", USER, Action.LIVE, "p", "c", 0.0, 1.0, EntryRef(1, 0.0, ""), object())


async def test_no_grant_is_made_from_another_one(office: Office) -> None:
    grant = await office.grants.issue(request())
    with pytest.raises(ValueError, match="seal"):
        dataclasses.replace(grant, code="another")
    with pytest.raises(LocalError):
        dataclasses.replace(grant, code="another", seal=object())
    with pytest.raises(dataclasses.FrozenInstanceError):
        grant.code = "another"  # type: ignore[misc]


async def test_a_grant_is_entered_before_it_is_given(office: Office) -> None:
    grant = await office.grants.issue(request())
    [row] = await office.rows()
    assert row.ref == grant.entry and row.entry.grant_id == grant.id
    assert (row.entry.result, row.entry.action, row.entry.purpose, row.entry.destination, row.entry.clause) == (
        "granted",
        "live",
        "patrol",
        "browser",
        "A10",
    )
    assert (grant.actor, grant.action, grant.peer_id, grant.code) == (USER, Action.LIVE, "peer", "code")
    assert grant.expires_at == 1100.0 and grant.valid(1099.9) and not grant.valid(1100.0)
    assert office.grants.get(grant.id) is grant and office.grants.live() == [grant]


async def test_a_refusal_is_entered_and_says_its_clause(office: Office) -> None:
    with pytest.raises(Denied) as caught:
        await office.grants.issue(request(Action.PTZ))
    assert (caught.value.clause, caught.value.sip_status, caught.value.http_status) == ("O9", 403, 403)
    assert caught.value.message_zh.endswith("当前角色没有该权限。") and caught.value.to_json()["clause"] == "O9"
    [row] = await office.rows()
    assert (row.entry.result, row.entry.grant_id, row.entry.clause) == ("refused", "", "O9")
    assert office.grants.live() == []


async def test_without_a_ledger_there_is_no_grant(office: Office) -> None:
    await office.ledger.close()
    with pytest.raises(Failure):
        await office.grants.issue(request())
    assert office.grants.live() == []


async def test_an_upper_platforms_use_is_entered_under_its_code(office: Office) -> None:
    await office.grants.issue(request(actor=Actor("upper", "34020000002000000099"), shared=True))
    [row] = await office.rows()
    assert (row.entry.actor_kind, row.entry.actor_id, row.entry.clause) == ("upper", "34020000002000000099", "SHARE")


async def test_an_approved_playback_is_entered_with_span_and_approval(office: Office) -> None:
    facts = Facts(role="operator", approval="a1")
    await office.grants.issue(AccessRequest(USER, Action.PLAYBACK, "p", "c", span=Span(10.0, 70.0), facts=facts))
    [row] = await office.rows()
    assert (row.entry.span_start, row.entry.span_end, row.entry.detail["approval"]) == (10.0, 70.0, "a1")


async def test_a_lifetime_can_be_shortened_and_never_lengthened(office: Office) -> None:
    short = await office.grants.issue(request(), lifetime_seconds=5)
    long = await office.grants.issue(request(), lifetime_seconds=5000)
    assert (short.expires_at, long.expires_at) == (1005.0, 1100.0)
    assert office.grants.expired(1006.0) == [short]


async def test_the_end_of_a_use_is_entered_once(office: Office) -> None:
    grant = await office.grants.issue(request())
    first = await office.grants.ended(grant, seconds=12.3456, bytes_sent=7, reason="viewer left", content_hash="ab")
    assert first is not None
    assert await office.grants.ended(grant, seconds=1, bytes_sent=1, reason="again") is None
    _, row = await office.rows()
    assert (row.entry.action, row.entry.result, row.entry.grant_id) == ("live.ended", "ended", grant.id)
    assert (row.entry.seconds, row.entry.bytes, row.entry.content_hash) == (12.346, 7, "ab")
    assert row.entry.detail == {"reason": "viewer left"} and office.grants.get(grant.id) is None


async def test_a_use_that_outlived_the_program_gets_its_grant_back_from_the_ledger(office: Office) -> None:
    grant = await office.grants.issue(request())
    later = Grants(office.ledger)
    resumed = await later.resume(grant.id)
    assert resumed == grant and await later.resume(grant.id) is resumed
    assert later.live() == [resumed]


async def test_an_ended_or_unknown_grant_is_not_resumed(office: Office) -> None:
    grant = await office.grants.issue(request())
    await office.grants.ended(grant, seconds=1, bytes_sent=1, reason="left")
    later = Grants(office.ledger)
    assert await later.resume(grant.id) is None
    assert await later.resume("nothing") is None and await later.resume("") is None
