"""docs/manscdp.md: every declared command, element by element."""

from __future__ import annotations

from itertools import groupby

from sip.manscdp.reference import ReferenceRow, reference_rows
from tools.pages.text import code, table

_HEAD = """# MANSCDP commands

The XML commands of GB/T 28181 Annex A (监控报警联网系统控制描述协议) this project reads and writes. A command is
declared once, as a dataclass in `sip/manscdp/commands/`; reader, writer, validation and this page come from that
declaration. `a/b` is an element `b` inside `a`; `[]` marks an element that repeats. "As 2016" is the spelling of the
2016 edition where it differs: it is read from everybody and written to peers of that edition.

Being declared says that the bytes are understood, not that a node acts on them: README.md says what works today.
"""


def page() -> str:
    """The text of docs/manscdp.md."""
    lines = [_HEAD]
    for title, rows in groupby(reference_rows(), key=_title):
        lines += [f"## {title}", ""]
        lines += table(("element", "type", "presence", "editions", "as 2016", "meaning"), map(_row, rows))
    return "\n".join(lines)


def _title(row: ReferenceRow) -> str:
    own = "" if row.command in (row.cmd_type, row.cmd_type + row.kind) else f": {row.command}"
    return f"{row.kind} {row.cmd_type}{own}"


def _row(row: ReferenceRow) -> tuple[str, ...]:
    return code(row.path), row.type, row.presence, row.editions, code(row.spelled), row.about
