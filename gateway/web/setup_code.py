"""The one-time code that proves, at the first start, that who sets the node up can read its console."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable

from gateway.store.users import Users

_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_GROUPS, _GROUP = 4, 5
MAX_WRONG = 10


class SetupCode:
    """A code of 100 random bits while no account exists; ten wrong tries replace it and show the new one."""

    def __init__(self, users: Users, announce: Callable[[str], None]) -> None:
        self._users, self._announce = users, announce
        self._code: str | None = None
        self._wrong = 0

    @property
    def needed(self) -> bool:
        """Whether there is no account yet."""
        return len(self._users) == 0

    def start(self) -> None:
        """Make and announce a code when one is needed; call at start."""
        if self.needed:
            groups = ("".join(secrets.choice(_ALPHABET) for _ in range(_GROUP)) for _ in range(_GROUPS))
            self._code, self._wrong = "-".join(groups), 0
            self._announce(self._code)

    def matches(self, code: str) -> bool:
        """Whether ``code`` is the present one (spaces, dashes and case do not matter)."""
        if self._code is None or not self.needed:
            return False
        if hmac.compare_digest(_bare(code).encode(), _bare(self._code).encode()):
            return True
        self._wrong += 1
        if self._wrong >= MAX_WRONG:
            self.start()
        return False

    def spent(self) -> None:
        """The first account exists: the code opens nothing any more."""
        self._code = None


def _bare(code: str) -> str:
    return "".join(char for char in code.upper() if char.isalnum())
