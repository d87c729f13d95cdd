"""What a check of the installation found, in words: good, to be looked at, or in the way."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum


class Level(IntEnum):
    """How bad; the worst is the exit status of the command."""

    OK = 0
    WARNING = 1
    PROBLEM = 2


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what was looked at, what was found, and what to change (empty where nothing has to be)."""

    level: Level
    subject: str
    text: str
    change: str = ""

    def as_dict(self) -> dict[str, str]:
        return {"level": self.level.name.lower(), "subject": self.subject, "text": self.text, "change": self.change}


def ok(subject: str, text: str) -> Finding:
    return Finding(Level.OK, subject, text)


def warning(subject: str, text: str, change: str) -> Finding:
    return Finding(Level.WARNING, subject, text, change)


def problem(subject: str, text: str, change: str) -> Finding:
    return Finding(Level.PROBLEM, subject, text, change)


def worst(findings: Iterable[Finding]) -> Level:
    """The worst level among them."""
    return max((finding.level for finding in findings), default=Level.OK)
