"""Who is let in to a view."""

from __future__ import annotations

import hashlib

import pytest

from media.worker import views as views_module
from media.worker.broadcast import Viewer
from media.worker.control import CloseView, LegState, OpenView, ViewStats
from media.worker.views import NotAdmitted, ViewTable

DIGEST = hashlib.sha256(b"token").hexdigest()


def opened(view: str = "v", **changes: object) -> OpenView:
    fields = {"view": view, "input": "in", "token_sha256": DIGEST.upper(), "expires_at": 100.0, **changes}
    return OpenView(**fields)  # type: ignore[arg-type]


def turned_away(table: ViewTable, view: str, token: str, now: float = 0.0) -> tuple[int, str, str]:
    with pytest.raises(NotAdmitted) as caught:
        table.admit(view, token, now)
    return caught.value.status, caught.value.step, caught.value.message


def test_the_right_token_is_let_in() -> None:
    table = ViewTable()
    view = table.open(opened())
    assert table.admit("v", "token", 99.0) is view
    assert table.get("v") is view and len(table) == 1


def test_a_wrong_token_is_forbidden_even_when_the_view_has_ended() -> None:
    table = ViewTable()
    table.open(opened())
    assert turned_away(table, "v", "tokem")[:2] == (403, "token")
    assert turned_away(table, "v", "")[:2] == (403, "token")
    assert turned_away(table, "v", "\udc80")[:2] == (403, "token")
    table.close(CloseView(view="v", reason="r"))
    assert turned_away(table, "v", "tokem")[:2] == (403, "token")


def test_a_token_hash_that_is_none_lets_nobody_in() -> None:
    table = ViewTable()
    table.open(opened(token_sha256="ü"))
    assert turned_away(table, "v", "token")[0] == 403


def test_an_ended_view_says_why() -> None:
    table = ViewTable()
    view = table.open(opened())
    assert view is not None
    view.viewers[1] = viewer = Viewer()
    view.bytes = 77
    final = table.close(CloseView(view="v", reason="grant revoked"))
    assert final == ViewStats(view="v", input=view.input, viewers=1, bytes=77)
    assert not table.close(CloseView(view="v", reason="again"))
    assert viewer.ended == "grant revoked"
    assert turned_away(table, "v", "token") == (410, "ended", "This view has ended: grant revoked.")


def test_an_expired_view_is_gone_before_and_after_the_sweep() -> None:
    table = ViewTable()
    table.open(opened())
    assert turned_away(table, "v", "token", 100.0)[:2] == (410, "expired")
    table.expire(99.0)
    assert len(table) == 1
    table.expire(100.0)
    assert turned_away(table, "v", "token")[:2] == (410, "ended")


def test_an_unknown_view_is_not_found() -> None:
    assert turned_away(ViewTable(), "v", "token")[:2] == (404, "unknown_view")


def test_opening_again_changes_or_revives_a_view() -> None:
    table = ViewTable()
    view = table.open(opened())
    assert table.open(opened(input="other", expires_at=200.0, watermark="name")) is view
    assert view is not None and (view.input, view.expires_at, view.watermark) == ("other", 200.0, "name")
    table.end_all("stop")
    assert table.open(opened()) is not None
    table.admit("v", "token", 0.0)


def test_views_and_memories_of_ended_ones_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views_module, "MOST_VIEWS", 2)
    monkeypatch.setattr(views_module, "MOST_ENDED", 1)
    table = ViewTable()
    assert table.open(opened("a")) and table.open(opened("b"))
    assert table.open(opened("c")) is None
    table.end_all("stop")
    assert turned_away(table, "a", "token")[0] == 404
    assert turned_away(table, "b", "token")[0] == 410


def test_states_and_counters() -> None:
    table = ViewTable()
    view = table.open(opened())
    assert view is not None
    view.viewers[1] = viewer = Viewer()
    viewer.dropped, view.dropped, view.joined, view.bytes = 2, 3, 4, 5
    assert table.states() == [LegState("v", "view", source="in", started=True)]
    assert table.stats() == [ViewStats(view="v", input="in", viewers=1, joined=4, bytes=5, dropped=5)]
