"""Whose fault a bad MANSCDP body is: the peer's (`ManscdpError`) or ours (`UnwritableError`)."""

from __future__ import annotations

from sip.errors import LocalError, RemoteError


class ManscdpError(RemoteError):
    """A body that cannot be understood.

    where   path of the element, e.g. `/Response/DeviceList/Item[0]/Status`, or `body` before there is a tree
    what    what is wrong with it
    value   the offending text, cut
    status  the SIP status to answer with (400, or 413 for a body beyond a limit)
    """


class UnwritableError(LocalError):
    """A message that must not be written: a value that is not of its element's type."""

    def __init__(self, where: str, what: str, value: object) -> None:
        super().__init__(f"{where}: {what} ({value!r})")
        self.where = where
        self.what = what
