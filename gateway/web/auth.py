"""Who is calling: logins, bearer tokens, lock-out.

A token is 256 random bits, given out once; its SHA-256 is stored. A session ends after its lifetime, when it was not
used for the idle time, or when the password changes; a key (for another program) after its own lifetime.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

from gateway.compliance.access import Actor
from gateway.compliance.entry import Entry
from gateway.compliance.ledger import Ledger
from gateway.config import HttpConfig
from gateway.store.repository import Change
from gateway.store.users import ROLES, Role, Token, Tokens, User, Users, token_digest
from gateway.telemetry.metrics import Metrics
from gateway.web.errors import ApiError
from gateway.web.passwords import Passwords, password_problem

TOKEN_BYTES = 32
MAX_SESSIONS_PER_USER = 20
MAX_KEYS_PER_USER = 50


@dataclass(frozen=True, slots=True)
class Identity:
    """An authenticated caller."""

    user: User
    token: Token

    @property
    def role(self) -> Role:
        """The lesser of what the user and the token may do."""
        return ROLES[min(ROLES.index(self.user.role), ROLES.index(self.token.role))]

    def at_least(self, role: Role) -> bool:
        return ROLES.index(self.role) >= ROLES.index(role)

    @property
    def actor(self) -> Actor:
        """This caller as the access rules and the ledger know it."""
        return Actor("user", self.user.id)


class Throttle:
    """At most ``per_minute`` attempts per source (a token bucket each), for a bounded number of sources."""

    def __init__(self, per_minute: int, *, sources: int = 10_000) -> None:
        self._per_minute, self._sources = per_minute, sources
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def admit(self, source: str, now: float) -> bool:
        """Count an attempt at ``now`` (seconds); False when there were too many."""
        level, at = self._buckets.pop(source, (0.0, now))
        level = max(0.0, level - (now - at) * self._per_minute / 60.0)
        admitted = level + 1.0 <= self._per_minute
        self._buckets[source] = (level + 1.0 if admitted else level, now)
        if len(self._buckets) > self._sources:
            self._buckets.popitem(last=False)
        return admitted


def source_of(remote: str) -> str:
    """What an address counts as: whoever has one IPv6 address has all of its /64."""
    try:
        address = ip_address(remote.partition("%")[0])
    except ValueError:
        return remote
    if not isinstance(address, IPv6Address):
        return str(address)
    return str(address.ipv4_mapped or f"{address.exploded[:19]}::/64")


class Auth:
    """Accounts and tokens of the API."""

    def __init__(
        self,
        users: Users,
        tokens: Tokens,
        ledger: Ledger,
        config: HttpConfig,
        metrics: Metrics,
        *,
        passwords: Passwords | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.users, self.tokens, self.passwords = users, tokens, passwords or Passwords()
        self._ledger, self._config, self._metrics, self._clock = ledger, config, metrics, clock
        self._throttle = Throttle(config.logins_per_minute)
        self._last_used: dict[str, float] = {}
        self._counting = asyncio.Lock()
        tokens.on_change(self._forget)

    def _forget(self, change: Change[Token]) -> None:
        if change.after is None:
            self._last_used.pop(change.id, None)

    def admit(self, remote: str) -> None:
        """Count an attempt to log in or set up from ``remote``; raises 429 when there were too many."""
        if not self._throttle.admit(source_of(remote), self._clock()):
            self._metrics.logins.labels("throttled").inc()
            raise ApiError(
                429,
                "too_many_attempts",
                "Too many attempts; wait a minute.",
                "尝试过于频繁，请稍后再试。",
                headers={"Retry-After": "60"},
            )

    async def login(self, username: str, password: str, remote: str) -> tuple[str, Token]:
        """A new session: the token to hand out, and its record. Wrong name and wrong password look the same."""
        self.admit(remote)
        now = self._clock()
        user = self.users.get(username)
        tried = user.password_hash if user is not None else None
        right = await self.passwords.matches(tried, password)
        # One after the other: guesses made at once are counted like those made in turn, and the lock that one of them
        # brings about holds for those that were waiting.
        async with self._counting:
            user = self.users.get(username)  # it may have changed while the hash was computed
            right = right and user is not None and user.password_hash == tried
            locked = user is not None and user.locked_until > now
            refused = user is None or locked or not right or not user.enabled
            if refused:
                await self._count_failure(user, locked=locked, right=right)
        if user is None or refused:
            await self._enter(username[:64], "login", "locked" if locked else "refused", remote)
            raise ApiError(
                401,
                "login_failed",
                "Wrong name or password, or the account is locked.",
                "用户名或密码错误，或账号已锁定。",
                hint="After repeated failures an account is locked for a while.",
            )
        if user.failed_logins:
            await self.users.update(user.id, failed_logins=0, locked_until=0.0)
        await self.tokens.delete_expired(now)
        await self._limit_sessions(user.id)
        text, token = await self._issue(user, "session", user.role, now + self._config.session_seconds, "", remote)
        await self._enter(user.id, "login", "done", remote)
        return text, token

    async def _count_failure(self, user: User | None, *, locked: bool, right: bool) -> None:
        if user is not None and not locked and not right:
            failed = user.failed_logins + 1
            lock = failed >= self._config.login_attempts
            until = self._clock() + self._config.lockout_seconds if lock else user.locked_until
            await self.users.update(user.id, failed_logins=0 if lock else failed, locked_until=until)

    async def _enter(self, username: str, action: str, result: str, remote: str) -> None:
        self._metrics.logins.labels(result).inc()
        await self._ledger.append(Entry("user", username, action, result, destination=remote, clause="O9"))

    async def _limit_sessions(self, user_id: str) -> None:
        own = [token for token in self.tokens.all() if token.user_id == user_id and token.kind == "session"]
        for token in sorted(own, key=lambda item: item.created_at)[: max(0, len(own) - MAX_SESSIONS_PER_USER + 1)]:
            await self.tokens.delete(token.id)

    async def issue_key(self, user: User, name: str, role: Role, lifetime_seconds: float) -> tuple[str, Token]:
        """A key for another program acting for ``user`` with at most ``role``; raises 409 when there are too many."""
        await self.tokens.delete_expired(self._clock())
        if sum(token.user_id == user.id and token.kind == "key" for token in self.tokens.all()) >= MAX_KEYS_PER_USER:
            raise ApiError(409, "too_many_keys", "Revoke a key first.", "密钥过多，请先吊销不用的密钥。")
        return await self._issue(user, "key", role, self._clock() + lifetime_seconds, name, "")

    async def _issue(
        self, user: User, kind: str, role: Role, expires_at: float, name: str, remote: str
    ) -> tuple[str, Token]:
        text = secrets.token_urlsafe(TOKEN_BYTES)
        token = Token(
            id=secrets.token_hex(8),
            user_id=user.id,
            kind="session" if kind == "session" else "key",
            token_sha256=token_digest(text),
            role=role,
            created_at=self._clock(),
            expires_at=expires_at,
            name=name,
            remote=remote,
        )
        return text, await self.tokens.create(token)

    def identify(self, text: str) -> Identity | None:
        """Whose bearer token that is; None when unknown, expired, idle for too long, or its user is disabled."""
        token = self.tokens.by_digest(token_digest(text))
        now = self._clock()
        if token is None or token.expires_at <= now:
            return None
        used = self._last_used.get(token.id, now)
        if token.kind == "session" and now - used > self._config.session_idle_seconds:
            return None
        user = self.users.get(token.user_id)
        if user is None or not user.enabled:
            return None
        if token.kind == "session" and token.created_at < user.password_changed_at:
            return None
        self._last_used[token.id] = now
        return Identity(user, token)

    async def logout(self, identity: Identity) -> None:
        """End the session at once."""
        if identity.token.id in self.tokens:
            await self.tokens.delete(identity.token.id)
        await self._enter(identity.user.id, "logout", "done", identity.token.remote)

    async def new_hash(self, password: str, username: str) -> str:
        """The hash of a new password; raises 400 when the policy refuses it."""
        problem = password_problem(password, username)
        if problem is not None:
            raise ApiError(400, "weak_password", f"The password {problem[0]}.", f"密码{problem[1]}。")
        return await self.passwords.hash(password)

    async def change_password(self, identity: Identity, old: str, new: str) -> None:
        """Change one's own password; every session of the user ends."""
        self.admit(identity.token.remote or identity.user.id)
        if not await self.passwords.matches(identity.user.password_hash, old):
            raise ApiError(403, "wrong_password", "The present password is wrong.", "原密码错误。")
        hashed = await self.new_hash(new, identity.user.id)
        await self._enter(identity.user.id, "user.password", "done", identity.token.remote)
        await self.users.update(identity.user.id, password_hash=hashed, password_changed_at=self._clock())
        await self.tokens.delete_sessions(identity.user.id)
