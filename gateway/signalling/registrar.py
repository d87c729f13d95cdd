"""The registrar: who may register, and what a REGISTER changes (注册 and 注销, GB/T 28181-2022 9.1). Pure.

Fed a request, its source and the time; returns the answer to give and the binding to enter or remove. It never answers
differently for an unknown id and a wrong password.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

from gateway.signalling.bindings import Binding
from gateway.signalling.reachability import own_host
from gateway.signalling.unregister import Unregistration, contact_left, unregistration
from sip import NameAddr, ParseError, Peer, Request
from sip.digest import Challenge, Credentials, NonceTable, ha1, is_supported, verify
from sip.gbdate import format_date

MAX_SOURCES = 10_000
"""Sources whose failures are remembered; the oldest is forgotten first."""
HOST_FACTOR = 20
"""How many times the failures of one id a whole host may have: many devices live behind one NAT address."""

MAX_EXPIRES = 2**32 - 1
"""Longest lifetime that can be asked for, in seconds (RFC 3261 20.19)."""


@dataclass(frozen=True, slots=True)
class Account:
    """What the registrar must know of a peer that may register. `password` None: registers without one."""

    peer_id: str
    password: str | None = field(repr=False)
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class RegistrarPolicy:
    """What an operator may set. Times in seconds; `failures_allowed` wrong passwords for one id from one address within
    `failure_window_s` stop that address for that id until the window is over; only answers to challenges that were sent
    to that address count. `strict_codes`: 20-digit ids only."""

    default_expires_s: int = 3600
    min_expires_s: int = 60
    max_expires_s: int = 86_400
    nonce_lifetime_s: float = 300
    failures_allowed: int = 10
    failure_window_s: float = 60.0
    strict_codes: bool = False
    gb_version: str = "3.0"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answer to one REGISTER. At most one of `bound` and `unbound` is set."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    reason: str | None = None
    bound: Binding | None = None
    unbound: str | None = None
    problem: str | None = None


class FailureCounts:
    """Failures per key in a window that starts with the first one, for a bounded number of keys."""

    def __init__(self, allowed: int, window_s: float, max_keys: int = MAX_SOURCES) -> None:
        self._allowed = allowed
        self._window_s = window_s
        self._max_keys = max_keys
        self._counts: OrderedDict[Hashable, tuple[int, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._counts)

    def add(self, key: Hashable, now: float) -> int:
        """Count one failure; how many that makes."""
        count, since = self._current(key, now)
        self._counts[key] = (count + 1, since)
        self._counts.move_to_end(key)
        if len(self._counts) > self._max_keys:
            self._counts.popitem(last=False)
        return count + 1

    def exhausted(self, key: Hashable, now: float) -> bool:
        """Whether the key has used up what is allowed."""
        return self._current(key, now)[0] >= self._allowed

    def clear(self, key: Hashable) -> None:
        self._counts.pop(key, None)

    def _current(self, key: Hashable, now: float) -> tuple[int, float]:
        count, since = self._counts.get(key, (0, now))
        return (0, now) if now - since > self._window_s else (count, since)


class Registrar:
    """Decides REGISTER requests of lower peers.

    `realm` is the 10-digit domain; `account_of` finds a peer by id, `binding_of` its live registration. Times are unix
    seconds.
    """

    def __init__(
        self,
        *,
        realm: str,
        account_of: Callable[[str], Account | None],
        binding_of: Callable[[str], Binding | None],
        policy: RegistrarPolicy | None = None,
    ) -> None:
        self._realm = realm
        self._account_of = account_of
        self._binding_of = binding_of
        self._policy = policy = policy or RegistrarPolicy()
        self._nonces = NonceTable(lifetime_s=policy.nonce_lifetime_s)
        # By address and claimed id, so that one wrong device does not lock out those that share its address; and by
        # address alone, so that trying many ids is no way around it.
        self._failures = FailureCounts(policy.failures_allowed, policy.failure_window_s)
        self._host_failures = FailureCounts(policy.failures_allowed * HOST_FACTOR, policy.failure_window_s)
        self.counters: dict[str, int] = {}

    def handle(self, request: Request, source: Peer, now: float) -> Outcome:
        """Decide one REGISTER. `now` is unix seconds."""
        try:
            peer_id = request.to.uri.user or ""
            credentials = self._credentials(request)
            expires = self._granted(request)
        except ParseError as error:
            return self._refuse(error.status, f"Bad {error.where}", "malformed")
        if self._policy.strict_codes and not (len(peer_id) == 20 and peer_id.isascii() and peer_id.isdigit()):
            return self._refuse(403, "The id must have 20 digits", "not_a_code")
        attempt = (source.host, peer_id)
        if self._failures.exhausted(attempt, now) or self._host_failures.exhausted(source.host, now):
            return self._refuse(403, "Too many wrong passwords from this address", "throttled")
        account = self._account_of(peer_id)
        if account is not None and account.enabled and account.password is None:
            return self._accept(request, account, source, expires, now)
        if credentials is None:
            return self._challenge("challenged", source, now)
        if credentials.realm != self._realm:
            # Credentials kept from another server or made up: not a wrong password, so the peer may simply try again.
            return self._challenge("other_realm", source, now, stale=True)
        if not self._nonces.issued(credentials.nonce, source.host):
            # Whoever writes a device's address into his datagrams never saw a challenge sent to it: were this counted,
            # he could lock the device out. Answered before the password is looked at, so it tells nothing about it.
            return self._challenge("other_nonce", source, now, stale=True)
        if not self._proven(request, account, credentials):
            return self._wrong_password(attempt, source, now)
        # Only now: whoever does not know the password cannot use up anybody's nonce.
        if self._nonces.check(credentials.nonce, credentials.nc, now, source.host) != "ok":
            return self._challenge("stale", source, now, stale=True)
        assert account is not None
        self._failures.clear(attempt)
        if credentials.username != peer_id:
            self._count("other_username")
        return self._accept(request, account, source, expires, now)

    def _proven(self, request: Request, account: Account | None, credentials: Credentials) -> bool:
        """Whether the sender knows the password of the id it registers, whatever user name it writes."""
        if not is_supported(credentials.algorithm):
            return False
        # An unknown id is checked against a password nobody has, so that its answer and its timing are the same.
        secret = account.password if account is not None and account.password is not None else "\0"
        known = ha1(credentials.username, self._realm, secret, credentials.algorithm)
        right = verify(credentials, ha1=known, method="REGISTER", body=request.body)
        return right and account is not None and account.enabled and account.password is not None

    def _credentials(self, request: Request) -> Credentials | None:
        for value in request.headers.get_all("Authorization"):
            # Another scheme (GB 35114 "Capability") is answered with a plain Digest challenge.
            if value.strip().lower().startswith("digest"):
                return Credentials.parse(value)
        return None

    def _challenge(
        self, counter: str, source: Peer, now: float, *, stale: bool = False, problem: str | None = None
    ) -> Outcome:
        self._count(counter)
        nonce = self._nonces.issue(now, source.host)
        # Some firmware does not answer a challenge without `algorithm`, and none refuses MD5.
        challenge = Challenge(self._realm, nonce, algorithm="MD5", qop=("auth",), stale=stale)
        headers = (("WWW-Authenticate", str(challenge)), ("X-GB-Ver", self._policy.gb_version))
        return Outcome(401, headers, problem=problem)

    def _wrong_password(self, attempt: tuple[str, str], source: Peer, now: float) -> Outcome:
        self._host_failures.add(source.host, now)
        if self._failures.add(attempt, now) == 1:
            # Once a new challenge: some devices answer the first one with what they kept from before.
            self._count("wrong_password")
            return self._challenge("challenged", source, now, problem="Wrong id or password")
        return self._refuse(403, "Wrong id or password", "wrong_password")

    def _refuse(self, status: int, reason: str, counter: str) -> Outcome:
        self._count(counter)
        return Outcome(status, (("X-GB-Ver", self._policy.gb_version),), reason, problem=reason)

    def _granted(self, request: Request) -> int:
        asked = _requested_expires(request)
        if asked == 0:
            return 0
        policy = self._policy
        # Few devices understand 423; all read the Expires of the 200.
        return min(max(asked or policy.default_expires_s, policy.min_expires_s), policy.max_expires_s)

    def _accept(self, request: Request, account: Account, source: Peer, granted: int, now: float) -> Outcome:
        contacts = _kept_contacts(request) or [f"<sip:{account.peer_id}@{source.host}:{source.port}>"]
        headers = [("Contact", value) for value in contacts]  # echoed unchanged: some peers look for their own
        headers += [("Expires", str(granted)), ("Date", format_date(now)), ("X-GB-Ver", self._policy.gb_version)]
        if granted == 0:
            return self._unregister(request, account.peer_id, source, tuple(headers), now)
        self._count("registered")
        binding = Binding(
            peer_id=account.peer_id,
            source=source,
            contact=contacts[0],
            registered_at=now,
            expires_at=now + granted,
            last_seen=now,
            gb_version=request.headers.get("X-GB-Ver"),
            user_agent=request.headers.get("User-Agent"),
            call_id=request.call_id,
            cseq=request.cseq[0],
            own_host=own_host(request, contacts[0]),
        )
        return Outcome(200, tuple(headers), bound=binding)

    def _unregister(
        self, request: Request, peer_id: str, source: Peer, headers: tuple[tuple[str, str], ...], now: float
    ) -> Outcome:
        binding = self._binding_of(peer_id)
        verdict = unregistration(request, source, binding)
        if verdict is Unregistration.OUT_OF_ORDER:
            return self._refuse(400, "CSeq is lower than that of the registration", "unregistered_out_of_order")
        if verdict is Unregistration.LEAVES and binding is not None:
            self._count("unregistered_late")
            others = tuple(header for header in headers if header[0] != "Contact")
            return Outcome(200, (("Contact", contact_left(binding, now)), *others))
        self._count("unregistered")
        return Outcome(200, headers, unbound=peer_id)

    def _count(self, what: str) -> None:
        self.counters[what] = self.counters.get(what, 0) + 1


def _requested_expires(request: Request) -> int | None:
    """The Expires header, else the Contact parameter; None when there is neither, or it cannot be read.

    Contact `*` means unregister, with or without Expires 0 (RFC 3261 10.2.2 wants it, devices leave it out). Of several
    Contacts the first that stays counts, with its own parameter before the header (RFC 3261 10.3 step 7).
    """
    try:
        asked = request.expires
    except ParseError:
        asked = None
    contacts = request.contacts
    if any(contact.is_star for contact in contacts):
        if asked:
            raise ParseError("Contact", "* with an Expires that is not 0", str(asked))
        return 0
    if len(contacts) < 2:
        return asked
    common = asked if request.headers.get("Expires") is not None else None
    return next((seconds for _, seconds in _asked_of_each(contacts, common) if seconds != 0), 0)


def _asked_of_each(contacts: list[NameAddr], common: int | None) -> list[tuple[NameAddr, int | None]]:
    """Each Contact with the seconds asked for it: its parameter, else what the Expires header asks (`common`)."""
    return [(contact, _seconds(contact.params.get("expires") or "", common)) for contact in contacts]


def _seconds(text: str, otherwise: int | None) -> int | None:
    return min(int(text), MAX_EXPIRES) if text.isascii() and text.isdigit() and len(text) < 20 else otherwise


def _kept_contacts(request: Request) -> list[str]:
    """The Contact values of a REGISTER; of several those that stay: a device that moved to another address removes the
    old one (`expires=0`) in the same request. All of them where none stays."""
    values = request.headers.get_all("Contact")
    if len(request.contacts) < 2:
        return values
    common = 0 if (request.headers.get("Expires") or "").strip() == "0" else None
    stay = [str(contact) for contact, seconds in _asked_of_each(request.contacts, common) if seconds != 0]
    return stay or values
