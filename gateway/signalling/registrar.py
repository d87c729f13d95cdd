"""The registrar: who may register, and what a REGISTER changes (注册 and 注销, GB/T 28181-2022 9.1). Pure.

Fed a request, its source and the time; returns the answer to give and the binding to enter or remove. It never answers
differently for an unknown id and a wrong password.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from gateway.signalling.bindings import Binding
from sip import ParseError, Request
from sip.aio import Peer
from sip.digest import Challenge, Credentials, NonceTable, ha1, verify
from sip.gbdate import format_date

DEFAULT_EXPIRES = 3600
MAX_EXPIRES = 86_400
MAX_SOURCES = 10_000
"""Sources whose failures are remembered; the oldest is forgotten first."""


@dataclass(frozen=True, slots=True)
class Account:
    """What the registrar must know of a peer that may register. `password` None: registers without one."""

    peer_id: str
    password: str | None = field(repr=False)
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answer to one REGISTER. At most one of `bound` and `unbound` is set."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    reason: str | None = None
    bound: Binding | None = None
    unbound: str | None = None
    problem: str | None = None


@dataclass(slots=True)
class _Failures:
    count: int = 0
    since: float = 0.0


class Registrar:
    """Decides REGISTER requests of lower peers.

    `realm` is the 10-digit domain; `account_of` finds a peer by id. Times are unix seconds.
    """

    def __init__(
        self,
        *,
        realm: str,
        account_of: Callable[[str], Account | None],
        gb_version: str = "3.0",
        failures_allowed: int = 10,
        failure_window_s: float = 60.0,
    ) -> None:
        self._realm = realm
        self._account_of = account_of
        self._gb_version = gb_version
        self._nonces = NonceTable(lifetime_s=300)
        self._failures: OrderedDict[str, _Failures] = OrderedDict()
        self._failures_allowed = failures_allowed
        self._failure_window_s = failure_window_s
        self.counters: dict[str, int] = {}

    def handle(self, request: Request, source: Peer, now: float) -> Outcome:
        """Decide one REGISTER. `now` is unix seconds."""
        if self._throttled(source.host, now):
            return self._refuse(403, "Too many wrong passwords from this address", "throttled")
        try:
            peer_id = request.to.uri.user or ""
            credentials = self._credentials(request)
            expires = _requested_expires(request)
        except ParseError as error:
            return self._refuse(400, f"Bad {error.where}", "malformed")
        account = self._account_of(peer_id)
        if account is not None and account.enabled and account.password is None:
            return self._accept(request, account, source, expires, now)
        if credentials is None:
            return self._challenge("challenged", now)
        if credentials.realm != self._realm:
            return self._challenge("other_realm", now)
        # An unknown id is checked against a password nobody has, so that its answer and its timing are the same.
        secret = account.password if account is not None and account.password is not None else "\0"
        known = ha1(credentials.username, self._realm, secret, credentials.algorithm)
        right = verify(credentials, ha1=known, method="REGISTER", body=request.body)
        names_peer = credentials.username == peer_id
        if account is None or not account.enabled or not right or not names_peer:
            return self._wrong_password(source.host, now)
        # Only now: whoever does not know the password cannot use up anybody's nonce.
        if self._nonces.check(credentials.nonce, credentials.nc, now) != "ok":
            return self._challenge("stale", now, stale=True)
        self._failures.pop(source.host, None)
        return self._accept(request, account, source, expires, now)

    def _credentials(self, request: Request) -> Credentials | None:
        for value in request.headers.get_all("Authorization"):
            # Another scheme (GB 35114 "Capability") is answered with a plain Digest challenge.
            if value.strip().lower().startswith("digest"):
                return Credentials.parse(value)
        return None

    def _challenge(self, counter: str, now: float, *, stale: bool = False) -> Outcome:
        self._count(counter)
        # Some firmware does not answer a challenge without `algorithm`, and none refuses MD5.
        challenge = Challenge(self._realm, self._nonces.issue(now), algorithm="MD5", qop=("auth",), stale=stale)
        return Outcome(401, (("WWW-Authenticate", str(challenge)), ("X-GB-Ver", self._gb_version)))

    def _wrong_password(self, host: str, now: float) -> Outcome:
        failures = self._failures.setdefault(host, _Failures(0, now))
        failures.count += 1
        self._failures.move_to_end(host)
        while len(self._failures) > MAX_SOURCES:
            self._failures.popitem(last=False)
        return self._refuse(403, "Wrong id or password", "wrong_password")

    def _throttled(self, host: str, now: float) -> bool:
        failures = self._failures.get(host)
        if failures is None:
            return False
        if now - failures.since > self._failure_window_s:
            del self._failures[host]
            return False
        return failures.count > self._failures_allowed

    def _refuse(self, status: int, reason: str, counter: str) -> Outcome:
        self._count(counter)
        return Outcome(status, (("X-GB-Ver", self._gb_version),), reason, problem=reason)

    def _accept(self, request: Request, account: Account, source: Peer, expires: int, now: float) -> Outcome:
        granted = min(expires, MAX_EXPIRES)
        contacts = request.headers.get_all("Contact")
        headers = [("Contact", value) for value in contacts]  # echoed unchanged: some peers look for their own
        headers += [("Expires", str(granted)), ("Date", format_date(now)), ("X-GB-Ver", self._gb_version)]
        if granted == 0:
            self._count("unregistered")
            return Outcome(200, tuple(headers), unbound=account.peer_id)
        self._count("registered")
        binding = Binding(
            peer_id=account.peer_id,
            source=source,
            contact=contacts[0] if contacts else "",
            registered_at=now,
            expires_at=now + granted,
            last_seen=now,
            gb_version=request.headers.get("X-GB-Ver"),
            user_agent=request.headers.get("User-Agent"),
        )
        return Outcome(200, tuple(headers), bound=binding)

    def _count(self, what: str) -> None:
        self.counters[what] = self.counters.get(what, 0) + 1


def _requested_expires(request: Request) -> int:
    """The Expires header, else the Contact parameter, else the default. Contact `*` unregisters only with Expires 0."""
    if request.expires is not None:
        return max(0, request.expires)
    contact = request.contact
    if contact is not None:
        value = contact.params.get("expires")
        if value is not None and value.isdigit():
            return int(value)
    return DEFAULT_EXPIRES
