"""Which uses end when rights change: the rule of beginning, asked again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.compliance.access import AccessRequest, Action, Actor, Facts, Span
from gateway.compliance.grant import Grant, Grants
from gateway.compliance.ledger import Ledger
from gateway.compliance.revocation import withdrawn

USER, UPPER = Actor("user", "wang"), Actor("upper", "34010000002000000001")


@pytest.fixture
async def grants(tmp_path: Path) -> AsyncIterator[Grants]:
    ledger = Ledger.open(tmp_path)
    yield Grants(ledger)
    await ledger.close()


async def use(grants: Grants, actor: Actor = USER, action: Action = Action.LIVE) -> Grant:
    facts = Facts(role="admin", shared=True, approval="request 7")
    return await grants.issue(AccessRequest(actor, action, "peer", "code", span=Span(1, 2), facts=facts))


@pytest.mark.parametrize(
    ("actor", "action", "now", "clause"),
    [
        (USER, Action.LIVE, Facts(role="viewer"), None),
        (USER, Action.LIVE, Facts(role=None), "O9"),
        (USER, Action.PTZ, Facts(role="viewer"), "O9"),
        (USER, Action.LIVE, Facts(role="viewer", secret=True), "N8"),
        (USER, Action.LIVE, Facts(role="operator", secret=True), None),
        (USER, Action.PLAYBACK, Facts(role="operator"), None),
        (USER, Action.PLAYBACK, Facts(role="viewer"), "O9"),
        (UPPER, Action.LIVE, Facts(shared=True), None),
        (UPPER, Action.LIVE, Facts(shared=False), "SHARE"),
        (UPPER, Action.LIVE, Facts(shared=True, secret=True), "N8"),
    ],
)
async def test_who_may_not_begin_any_more_may_not_go_on(
    grants: Grants, actor: Actor, action: Action, now: Facts, clause: str | None
) -> None:
    grant = await use(grants, actor, action)
    assert [(one.grant, one.denial.clause) for one in withdrawn([grant], {grant.id: now})] == (
        [(grant, clause)] if clause else []
    )


async def test_a_use_without_facts_goes_on_and_each_is_judged_by_its_own(grants: Grants) -> None:
    one, two, three = [await use(grants) for _ in range(3)]
    found = withdrawn([one, two, three], {two.id: Facts(role=None), three.id: Facts(role="viewer")})
    assert [each.grant for each in found] == [two]
