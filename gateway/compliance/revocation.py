"""Which uses that are going on would not be permitted any more. Pure: uses and the facts of now come in as values.

A grant is leave to begin; who loses the right to a picture loses the picture (A7, A10, N8), not only the next one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from gateway.compliance.access import STORED_VIDEO, AccessRequest, Denial, Facts, Span, decide
from gateway.compliance.grant import Grant


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """A use that has to end, and the rule that now objects to it."""

    grant: Grant
    denial: Denial


def withdrawn(uses: Iterable[Grant], facts: Mapping[str, Facts]) -> list[Withdrawn]:
    """The uses that :func:`decide` would refuse under the facts of now, by grant id; one without facts goes on.

    The approval of stored video (A2) was given for exactly this use, and holds as long as the grant does.
    """
    found = []
    for grant in uses:
        now = facts.get(grant.id)
        if now is not None:
            decision = decide(_asked_again(grant, now))
            if isinstance(decision, Denial):
                found.append(Withdrawn(grant, decision))
    return found


def _asked_again(grant: Grant, facts: Facts) -> AccessRequest:
    span = None
    if grant.action in STORED_VIDEO:
        facts, span = replace(facts, approval=grant.id), Span(grant.issued_at, grant.expires_at)
    return AccessRequest(grant.actor, grant.action, grant.peer_id, grant.code, span=span, facts=facts)
