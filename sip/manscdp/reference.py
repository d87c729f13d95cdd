"""The reference table of all declared commands, one row for each element, made from the declarations."""

from __future__ import annotations

from dataclasses import dataclass

from sip.manscdp.declaration import REGISTRY, Edition, Entry, Structure
from sip.manscdp.plan import Shape, Slot, plan_of


@dataclass(frozen=True, slots=True)
class ReferenceRow:
    """One element of one command.

    path: from the root's children down, `[]` behind a repeated element. presence: mandatory, optional or list.
    editions: "2016, 2022", "2016" or "2022". spelled: the name up to 2016 where it differs.
    """

    kind: str
    cmd_type: str
    command: str
    path: str
    type: str
    presence: str
    editions: str
    spelled: str
    about: str


def reference_rows() -> list[ReferenceRow]:
    """All rows, by command class and sending order."""
    entries = {id(entry): entry for listed in REGISTRY.values() for entry in listed}
    rows: list[ReferenceRow] = []
    for entry in sorted(entries.values(), key=lambda e: (e.kind, e.cmd_type.lower(), e.cls.__name__)):
        rows.extend(_rows(entry, entry.cls, "", entry.since))
    return rows


def _rows(entry: Entry, cls: type[Structure], prefix: str, since: Edition) -> list[ReferenceRow]:
    rows = []
    for slot in plan_of(cls).slots:
        facts = slot.facts
        path = prefix + (f"{facts.within}/" if facts.within else "") + facts.name + ("[]" if facts.many else "")
        first = max(since, facts.since)
        rows.append(
            ReferenceRow(
                entry.kind.value,
                entry.cmd_type,
                entry.cls.__name__,
                path,
                "group" if slot.cls is not None else slot.value.name,
                _presence(slot),
                ", ".join(str(e.value) for e in (Edition.V2016, Edition.V2022) if first <= e <= facts.until),
                facts.old_name or "",
                facts.about,
            )
        )
        if slot.cls is not None:
            rows.extend(_rows(entry, slot.cls, path + "/", first))
    return rows


def _presence(slot: Slot) -> str:
    if slot.shape in (Shape.GROUPS, Shape.VALUES):
        return "list"
    return "optional" if slot.optional else "mandatory"
