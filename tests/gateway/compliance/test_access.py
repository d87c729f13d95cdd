from __future__ import annotations

import pytest

from gateway.compliance.access import (
    ROLE_ACTIONS,
    SYSTEM_ACTIONS,
    AccessRequest,
    Action,
    Actor,
    Denial,
    Facts,
    Permit,
    Span,
    decide,
)

USER, UPPER = Actor("user", "wang"), Actor("upper", "34020000002000000099")


def ask(actor: Actor, action: Action, span: Span | None = None, **facts: object) -> Permit | Denial:
    return decide(AccessRequest(actor, action, "peer", "code", span=span, facts=Facts(**facts)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("role", "action", "permitted"),
    [
        ("viewer", Action.LIVE, True),
        ("viewer", Action.SNAPSHOT, True),
        ("viewer", Action.PTZ, False),
        ("viewer", Action.QUERY_RECORDS, False),
        ("viewer", Action.EXPORT_CATALOG, False),
        ("operator", Action.LIVE, True),
        ("operator", Action.PTZ, True),
        ("operator", Action.QUERY_RECORDS, True),
        ("operator", Action.RECORD, False),
        ("operator", Action.EXPORT_CATALOG, False),
        ("admin", Action.LIVE, True),
        ("admin", Action.EXPORT_CATALOG, True),
        ("admin", Action.RECORD, True),
        ("guest", Action.LIVE, False),
        (None, Action.LIVE, False),
    ],
)
def test_a_user_may_do_what_the_role_allows(role: str | None, action: Action, permitted: bool) -> None:
    assert isinstance(ask(USER, action, role=role), Permit) is permitted


@pytest.mark.parametrize("action", [Action.PLAYBACK, Action.DOWNLOAD])
@pytest.mark.parametrize("role", ["operator", "admin"])
def test_stored_video_needs_an_approval_and_a_span_whatever_the_role(role: str, action: Action) -> None:
    span = Span(0.0, 60.0)
    refused = ask(USER, action, span, role=role)
    assert isinstance(refused, Denial) and refused.clause == "A2" and refused.message_zh
    unbounded = ask(USER, action, role=role, approval="a1")
    assert isinstance(unbounded, Denial) and unbounded.clause == "A1"
    assert ask(USER, action, span, role=role, approval="a1") == Permit("A2")


def test_an_upper_platform_may_do_what_the_sharing_rule_says_playback_too() -> None:
    assert ask(UPPER, Action.LIVE, shared=True) == Permit("SHARE")
    assert ask(UPPER, Action.PLAYBACK, shared=True) == Permit("SHARE")
    refused = ask(UPPER, Action.LIVE)
    assert isinstance(refused, Denial) and refused.clause == "SHARE"


@pytest.mark.parametrize(
    ("actor", "facts"),
    [
        (UPPER, {"shared": True}),
        (USER, {"role": "viewer"}),
        (Actor("system", "snapshot"), {}),
    ],
)
def test_a_secret_channel_is_never_given_out_whatever_else_allows_it(actor: Actor, facts: dict[str, object]) -> None:
    refused = ask(actor, Action.SNAPSHOT, secret=True, **facts)
    assert isinstance(refused, Denial) and refused.clause == "N8"


def test_a_secret_channel_is_watched_by_operators_of_this_node() -> None:
    assert isinstance(ask(USER, Action.LIVE, secret=True, role="operator"), Permit)


def test_an_unknown_channel_is_refused_to_everybody() -> None:
    for actor, facts in ((USER, {"role": "admin"}), (UPPER, {"shared": True}), (Actor("system", "snapshot"), {})):
        assert isinstance(ask(actor, Action.SNAPSHOT, known=False, **facts), Denial)


def test_a_system_actor_may_do_its_one_duty_and_no_other() -> None:
    for name, duties in SYSTEM_ACTIONS.items():
        for action in Action:
            assert isinstance(ask(Actor("system", name), action), Permit) is (action in duties)
    assert isinstance(ask(Actor("system", "backdoor"), Action.LIVE, role="admin", shared=True), Denial)


def test_the_facts_of_one_kind_of_actor_do_not_help_another() -> None:
    assert isinstance(ask(USER, Action.LIVE, shared=True), Denial)
    assert isinstance(ask(UPPER, Action.LIVE, role="admin"), Denial)


def test_each_role_may_do_all_that_a_lesser_one_may() -> None:
    assert ROLE_ACTIONS["viewer"] < ROLE_ACTIONS["operator"] < ROLE_ACTIONS["admin"]
    assert str(USER) == "user:wang"
