"""Who may watch what: the views of a stream worker, their tokens and their end.

A view is opened by the control process with the SHA-256 of a token; only who knows the token is let in, until the view
is closed or expires. Ended views are remembered for a while, so that a late request is told why.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from typing import Protocol

from media.worker.control import CloseView, LegState, OpenView, ViewStats

MOST_VIEWS = 20_000
MOST_ENDED = 10_000


class NotAdmitted(Exception):
    """A request is turned away: HTTP ``status``, the ``step`` that failed, and words for a person."""

    def __init__(self, status: int, step: str, message: str, message_zh: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.step = step
        self.message = message
        self.message_zh = message_zh
        self.hint = hint

    def to_json(self) -> dict[str, str]:
        """The body of the answer, as everywhere in the API; what there are no words for is left out."""
        said = {"message": self.message, "message_zh": self.message_zh, "hint": self.hint}
        return {"error": "failure", "step": self.step} | {name: text for name, text in said.items() if text}


class Watching(Protocol):
    """Somebody on a view: what he was sent and lost, and how he is ended."""

    dropped: int
    sent: int
    ended: str | None

    def end(self, reason: str) -> None:
        """Nothing follows."""
        ...


@dataclass(slots=True)
class View:
    """One view and the viewers on it."""

    id: str
    input: str
    token_sha256: str
    expires_at: float
    watermark: str | None = None
    viewers: dict[int, Watching] = field(default_factory=dict)
    joined: int = 0
    bytes: int = 0
    dropped: int = 0


class ViewTable:
    """The views by id. Times are unix seconds."""

    def __init__(self) -> None:
        self._views: dict[str, View] = {}
        self._ended: dict[str, tuple[str, str]] = {}

    def __len__(self) -> int:
        return len(self._views)

    def get(self, view: str) -> View | None:
        """A live view."""
        return self._views.get(view)

    def open(self, command: OpenView) -> View | None:
        """Open a view or change a known one; None when there are too many."""
        view = self._views.get(command.view)
        if view is None:
            if len(self._views) >= MOST_VIEWS:
                return None
            view = self._views[command.view] = View(command.view, command.input, "", 0.0)
        view.input = command.input
        view.token_sha256 = command.token_sha256.lower()
        view.expires_at = command.expires_at
        view.watermark = command.watermark
        self._ended.pop(command.view, None)
        return view

    def close(self, command: CloseView) -> ViewStats | None:
        """End a view and its viewers; its last counters, None when it is not known."""
        view = self._views.get(command.view)
        if view is None:
            return None
        final = _stats(view)
        self._end(command.view, command.reason)
        return final

    def expire(self, now: float) -> None:
        """End the views whose time is over."""
        for view in [view.id for view in self._views.values() if view.expires_at <= now]:
            self._end(view, "expired")

    def end_all(self, reason: str) -> None:
        """End every view."""
        for view in list(self._views):
            self._end(view, reason)

    def admit(self, view_id: str, token: str, now: float) -> View:
        """The view, for somebody who shows the right token. Raises `NotAdmitted` (403, 404, 410)."""
        shown = hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
        view = self._views.get(view_id)
        if view is not None:
            if not _equal(shown, view.token_sha256):
                raise NotAdmitted(403, "token", "This address is not valid for this picture.")
            if view.expires_at <= now:
                raise NotAdmitted(410, "expired", "The time of this view is over.")
            return view
        ended = self._ended.get(view_id)
        if ended is None:
            raise NotAdmitted(404, "unknown_view", "There is no such view here.")
        if not _equal(shown, ended[0]):
            raise NotAdmitted(403, "token", "This address is not valid for this picture.")
        raise NotAdmitted(410, "ended", f"This view has ended: {ended[1]}.")

    def states(self) -> list[LegState]:
        """The views, for a new control process."""
        return [LegState(v.id, "view", source=v.input, started=bool(v.viewers)) for v in self._views.values()]

    def stats(self) -> list[ViewStats]:
        """The counters."""
        return [_stats(view) for view in self._views.values()]

    def _end(self, view_id: str, reason: str) -> None:
        view = self._views.pop(view_id)
        self._ended[view_id] = (view.token_sha256, reason)
        while len(self._ended) > MOST_ENDED:
            del self._ended[next(iter(self._ended))]
        for viewer in view.viewers.values():
            viewer.end(reason)


def _stats(view: View) -> ViewStats:
    return ViewStats(
        view=view.id,
        input=view.input,
        viewers=len(view.viewers),
        joined=view.joined,
        bytes=view.bytes,
        dropped=view.dropped + sum(viewer.dropped for viewer in view.viewers.values()),
    )


def _equal(one: str, other: str) -> bool:
    """Constant-time comparison of two hexadecimal digests."""
    return hmac.compare_digest(one.encode(), other.encode("utf-8", "surrogatepass"))
