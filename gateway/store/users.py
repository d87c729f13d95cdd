"""User accounts and the tokens they act with."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Literal

from gateway.store import schema
from gateway.store.repository import Change, Repository

Role = Literal["viewer", "operator", "admin"]
ROLES: tuple[Role, ...] = ("viewer", "operator", "admin")


@dataclass(frozen=True, slots=True)
class User:
    """One account; ``id`` is the login name, ``password_hash`` is argon2id."""

    id: str
    name: str = ""
    password_hash: str = field(default="", repr=False)
    role: Role = "viewer"
    enabled: bool = True
    failed_logins: int = 0
    locked_until: float = 0.0
    password_changed_at: float = 0.0
    created_at: float = 0.0


class Users(Repository[User]):
    """All accounts."""

    TABLE = schema.users
    RECORD = User

    def admins(self) -> list[User]:
        """The accounts that can administer this node now."""
        return [user for user in self.all() if user.role == "admin" and user.enabled]


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token: kind "session" from a login, "key" for another program. Only its SHA-256 (hex) is kept.

    ``role`` is the most it may do, whatever its user may.
    """

    id: str
    user_id: str
    kind: Literal["session", "key"]
    token_sha256: str = field(repr=False)
    role: Role
    created_at: float
    expires_at: float
    name: str = ""
    remote: str = ""


def token_digest(token: str) -> str:
    """What is stored of a bearer token: its SHA-256 in hex. Tokens are 256 random bits, so no salt is needed."""
    return hashlib.sha256(token.encode()).hexdigest()


class Tokens(Repository[Token]):
    """All tokens, found by digest."""

    TABLE = schema.tokens
    RECORD = Token

    def _loaded(self) -> None:
        self._by_digest = {token.token_sha256: token.id for token in self.all()}
        self.on_change(self._index)

    def _index(self, change: Change[Token]) -> None:
        if change.before is not None:
            self._by_digest.pop(change.before.token_sha256, None)
        if change.after is not None:
            self._by_digest[change.after.token_sha256] = change.id

    def by_digest(self, digest: str) -> Token | None:
        """The token with that SHA-256."""
        token_id = self._by_digest.get(digest)
        return None if token_id is None else self.get(token_id)

    def forget_user(self, change: Change[User]) -> None:
        """Listener of :class:`Users`: with an account its tokens are gone (the database has cascaded)."""
        if change.after is None:
            for token in [token for token in self.all() if token.user_id == change.id]:
                del self._records[token.id]
                self._announce(Change("deleted", token.id, token, None))

    async def delete_sessions(self, user_id: str) -> int:
        """End every session of a user; how many there were."""
        doomed = [token.id for token in self.all() if token.user_id == user_id and token.kind == "session"]
        for token_id in doomed:
            await self.delete(token_id)
        return len(doomed)

    async def delete_expired(self, now: float) -> int:
        """Remove the tokens that have expired at ``now`` (unix seconds); how many there were."""
        doomed = [token.id for token in self.all() if token.expires_at <= now]
        for token_id in doomed:
            await self.delete(token_id)
        return len(doomed)
