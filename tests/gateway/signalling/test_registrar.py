"""The decision table of REGISTER (GB/T 28181-2022 9.1) and what real devices send instead, from bytes."""

from __future__ import annotations

import re

import pytest

from gateway.signalling.bindings import Binding
from gateway.signalling.registrar import Account, FailureCounts, Outcome, Registrar, RegistrarPolicy
from interop.wire.sipwire import digest_fields
from sip.aio import Peer
from tests.gateway.signalling.raw import CAMERA, NODE, digest, parsed, request_bytes

REALM = "3402000000"
NOW = 1_714_975_392.345
SOURCE = Peer("UDP", "192.0.2.7", 5060)
OPEN = "34020000001320000055"
DISABLED = "34020000001320000056"
ACCOUNTS = {
    CAMERA: Account(CAMERA, "geheim"),
    OPEN: Account(OPEN, None),
    DISABLED: Account(DISABLED, "geheim", enabled=False),
}


@pytest.fixture
def registrar() -> Registrar:
    return Registrar(realm=REALM, account_of=ACCOUNTS.get, binding_of=nobody)


def nobody(peer_id: str) -> Binding | None:
    """No peer is registered."""
    return None


def ask(
    registrar: Registrar,
    *lines: str,
    peer: str = CAMERA,
    source: Peer = SOURCE,
    now: float = NOW,
    contact: str = f"Contact: <sip:{CAMERA}@10.0.0.9:5060>",
    cseq: int = 1,
    call_id: str = "",
    to: str = "",
) -> Outcome:
    data = request_bytes(
        "REGISTER", NODE, sender=peer, to=to or f"<sip:{peer}@{REALM}>", cseq=cseq, call_id=call_id,
        lines=[*([contact] if contact else []), *lines],
    )  # fmt: skip
    return registrar.handle(parsed(data), source, now)


def header(outcome: Outcome, name: str) -> str | None:
    return next((value for key, value in outcome.headers if key == name), None)


def challenge(outcome: Outcome) -> dict[str, str]:
    value = header(outcome, "WWW-Authenticate")
    assert outcome.status == 401 and value is not None
    return digest_fields(value)


def register(registrar: Registrar, *lines: str, password: str = "geheim", qop: str | None = "auth", **where: object):  # type: ignore[no-untyped-def]
    asked = challenge(ask(registrar, **where))  # type: ignore[arg-type]
    user = str(where.get("peer", CAMERA))
    return ask(registrar, digest(asked, user=user, password=password, qop=qop), *lines, **where)  # type: ignore[arg-type]


def test_without_credentials_there_is_a_challenge_every_device_can_answer(registrar: Registrar) -> None:
    outcome = ask(registrar, "Expires: 3600")
    asked = challenge(outcome)
    assert asked["realm"] == REALM and len(asked["nonce"]) == 32 and asked["algorithm"] == "MD5"
    assert asked["qop"] == "auth" and "stale" not in asked and header(outcome, "X-GB-Ver") == "3.0"
    assert outcome.bound is None and outcome.unbound is None and outcome.problem is None


def test_right_credentials_bind_the_source_address_and_tell_the_time(registrar: Registrar) -> None:
    outcome = register(registrar, "Expires: 7200", "X-GB-Ver: 2.0", "User-Agent: IPC")
    assert outcome.status == 200 and outcome.bound is not None
    assert outcome.bound.source == SOURCE and outcome.bound.expires_at == NOW + 7200
    assert outcome.bound.own_host == "192.0.2.7"  # of the Via; the Contact may be anything
    assert outcome.bound.gb_version == "2.0" and outcome.bound.user_agent == "IPC"
    assert header(outcome, "Expires") == "7200" and header(outcome, "X-GB-Ver") == "3.0"
    assert header(outcome, "Contact") == f"<sip:{CAMERA}@10.0.0.9:5060>"
    assert re.fullmatch(r"2024-05-06T14:03:12\.345", header(outcome, "Date") or "")


@pytest.mark.parametrize("qop", [None, "auth", "auth-int", "aut"])
def test_every_way_devices_compute_the_digest_is_accepted(registrar: Registrar, qop: str | None) -> None:
    assert register(registrar, "Expires: 60", qop=qop).status == 200


def test_a_new_call_id_and_any_cseq_on_the_authenticated_request_do_not_matter(registrar: Registrar) -> None:
    asked = challenge(ask(registrar, cseq=20))
    assert ask(registrar, digest(asked, user=CAMERA, password="geheim"), cseq=3).bound is not None


def test_a_second_request_without_credentials_is_challenged_again(registrar: Registrar) -> None:
    first, second = challenge(ask(registrar)), challenge(ask(registrar))
    assert first["nonce"] != second["nonce"]
    assert ask(registrar, digest(first, user=CAMERA, password="geheim")).status == 200


@pytest.mark.parametrize("realm", [REALM, "some other server"])
def test_credentials_with_a_nonce_never_given_are_challenged_as_stale(registrar: Registrar, realm: str) -> None:
    made_up = {"realm": realm, "nonce": "9bd055"}
    again = challenge(ask(registrar, digest(made_up, user=CAMERA, password="geheim")))
    assert again["stale"] == "true"
    assert ask(registrar, digest(again, user=CAMERA, password="geheim")).status == 200


def test_a_nonce_can_neither_be_used_twice_nor_for_ever(registrar: Registrar) -> None:
    asked = challenge(ask(registrar))
    line = digest(asked, user=CAMERA, password="geheim")
    assert ask(registrar, line).status == 200
    assert challenge(ask(registrar, line))["stale"] == "true"
    assert ask(registrar, digest(asked, user=CAMERA, password="geheim", nc="00000002")).status == 200
    late = digest(asked, user=CAMERA, password="geheim", nc="00000003")
    assert challenge(ask(registrar, late, now=NOW + 301))["stale"] == "true"


def test_a_wrong_password_is_challenged_once_and_then_refused(registrar: Registrar) -> None:
    first = register(registrar, password="wrong")
    assert first.status == 401 and first.problem == "Wrong id or password"
    second = register(registrar, password="wrong")
    assert (second.status, second.reason) == (403, "Wrong id or password") and second.bound is None
    assert register(registrar).status == 200
    assert register(registrar, password="wrong").status == 401


@pytest.mark.parametrize("other", ["34020000001320000099", DISABLED, "admin"])
def test_an_unknown_id_cannot_be_told_from_a_wrong_password(registrar: Registrar, other: str) -> None:
    def seen(peer: str) -> list[tuple[int, str | None, list[str]]]:
        asked = challenge(ask(registrar))
        wrong = digest(asked, user=peer, password="wrong")
        answers = [ask(registrar, peer=peer), *(ask(registrar, wrong, peer=peer) for _ in range(12))]
        return [(one.status, one.reason, [name for name, _ in one.headers]) for one in answers]

    assert seen(other) == seen(CAMERA)


def test_a_username_that_is_not_the_id_is_accepted_with_the_password_of_the_id(registrar: Registrar) -> None:
    asked = challenge(ask(registrar))
    assert ask(registrar, digest(asked, user="admin", password="geheim")).bound is not None
    assert registrar.counters["other_username"] == 1


def test_a_peer_cannot_register_another_one_with_its_own_password() -> None:
    accounts = {CAMERA: Account(CAMERA, "mine"), "victim": Account("victim", "other")}
    registrar = Registrar(realm=REALM, account_of=accounts.get, binding_of=nobody)
    asked = challenge(ask(registrar))
    outcome = ask(registrar, digest(asked, user=CAMERA, password="mine"), peer="victim")
    assert outcome.bound is None and outcome.status == 401 and outcome.problem is not None


@pytest.mark.parametrize(
    ("line", "contact"),
    [
        ("Expires: 0", f"Contact: <sip:{CAMERA}@10.0.0.9>"),
        ("Expires: 0", "Contact: *"),
        ("X-Nothing: 1", "Contact: *"),
        ("X-Nothing: 1", f"Contact: <sip:{CAMERA}@10.0.0.9>;expires=0"),
    ],
)
def test_every_way_of_unregistering_is_understood(registrar: Registrar, line: str, contact: str) -> None:
    outcome = register(registrar, line, contact=contact)
    assert outcome.status == 200 and outcome.unbound == CAMERA and outcome.bound is None
    assert header(outcome, "Expires") == "0"


def test_an_unregistration_that_comes_late_or_out_of_order_removes_nothing() -> None:
    elsewhere = Peer("UDP", "192.0.2.99", 5060)
    known = {CAMERA: Binding(CAMERA, elsewhere, f"<sip:{CAMERA}@192.0.2.99>", NOW, NOW + 600, NOW)}
    registrar = Registrar(realm=REALM, account_of=ACCOUNTS.get, binding_of=known.get)
    late = register(registrar, "Expires: 0")
    assert (late.status, late.unbound, late.bound) == (200, None, None)
    assert header(late, "Contact") == f"<sip:{CAMERA}@192.0.2.99>;expires=600"
    ordered = register(registrar, "Expires: 3600", call_id="one", cseq=7).bound
    assert ordered is not None and (ordered.call_id, ordered.cseq) == ("one", 7)
    known[CAMERA] = ordered
    early = register(registrar, "Expires: 0", call_id="one", cseq=6)
    assert (early.status, early.reason) == (400, "CSeq is lower than that of the registration")
    assert early.unbound is None and early.problem is not None
    assert register(registrar, "Expires: 0", call_id="one", cseq=8).unbound == CAMERA
    assert [registrar.counters[f"unregistered{how}"] for how in ("_late", "_out_of_order", "")] == [1, 1, 1]


def test_unregistering_as_the_first_message_needs_a_password_too(registrar: Registrar) -> None:
    assert ask(registrar, "Expires: 0").status == 401


@pytest.mark.parametrize(
    ("line", "contact", "granted"),
    [
        ("X-Nothing: 1", f"Contact: <sip:{CAMERA}@10.0.0.9>", 3600),
        ("X-Nothing: 1", f"Contact: <sip:{CAMERA}@10.0.0.9>;expires=120", 120),
        ("Expires: 90", f"Contact: <sip:{CAMERA}@10.0.0.9>;expires=120", 90),
        ("Expires: 99999999", f"Contact: <sip:{CAMERA}@10.0.0.9>", 86_400),
        ("Expires: 5", f"Contact: <sip:{CAMERA}@10.0.0.9>", 60),
        ("Expires: soon", f"Contact: <sip:{CAMERA}@10.0.0.9>", 3600),
        ("Expires: 1800", "", 1800),
    ],
)
def test_the_time_granted(registrar: Registrar, line: str, contact: str, granted: int) -> None:
    outcome = register(registrar, line, contact=contact)
    assert outcome.bound is not None and outcome.bound.expires_at == NOW + granted
    assert header(outcome, "Expires") == str(granted)


def test_a_register_without_contact_is_bound_and_told_its_source_address(registrar: Registrar) -> None:
    outcome = register(registrar, contact="")
    assert header(outcome, "Contact") == f"<sip:{CAMERA}@192.0.2.7:5060>"


def test_a_star_contact_with_a_time_is_a_contradiction(registrar: Registrar) -> None:
    outcome = ask(registrar, "Expires: 60", contact="Contact: *")
    assert (outcome.status, outcome.reason) == (400, "Bad Contact")


@pytest.mark.parametrize(
    "line", ['Authorization: Digest username="x"', 'Authorization: Digest "', "Authorization: Digest"]
)
def test_credentials_that_cannot_be_read_are_answered_400_with_where(registrar: Registrar, line: str) -> None:
    outcome = ask(registrar, line)
    assert (outcome.status, outcome.reason) == (400, "Bad Authorization")


def test_another_scheme_is_answered_with_a_plain_digest_challenge(registrar: Registrar) -> None:
    assert ask(registrar, 'Authorization: Capability algorithm="A:SM2;H:SM3"').status == 401


def test_an_algorithm_nobody_knows_is_a_wrong_password_and_no_crash(registrar: Registrar) -> None:
    line = digest(challenge(ask(registrar)), user=CAMERA, password="geheim") + ", algorithm=SHA-512-256"
    assert ask(registrar, line).status == 401


OLD, NEW = f"<sip:{CAMERA}@10.0.0.9:5060>", f"<sip:{CAMERA}@10.0.0.44:5060>"


@pytest.mark.parametrize(
    ("contact", "expires", "granted"),
    [
        (f"Contact: {OLD};expires=0, {NEW};expires=1800", "X-Nothing: 1", 1800),
        (f"Contact: {OLD};expires=0\r\nContact: {NEW};expires=1800", "Expires: 90", 1800),
        (f"Contact: {OLD};expires=0, {NEW}", "Expires: 900", 900),
        (f"Contact: {OLD};expires=0, {NEW}", "X-Nothing: 1", 3600),
        (f"m: {NEW};expires=600\r\nm: {OLD};expires=0", "X-Nothing: 1", 600),
        (f"Contact: {OLD}, {NEW};expires=600", "Expires: 0", 600),
        (f"Contact: {OLD};expires=0, {NEW};expires=99999999999999999999", "Expires: 700", 700),
        (f"Contact: {OLD};expires=0, {NEW};expires=5000000000", "X-Nothing: 1", 86_400),
    ],
)
def test_of_two_contacts_the_one_that_stays_counts(
    registrar: Registrar, contact: str, expires: str, granted: int
) -> None:
    outcome = register(registrar, expires, contact=contact)
    assert outcome.status == 200 and outcome.bound is not None and outcome.unbound is None
    assert outcome.bound.expires_at == NOW + granted and "10.0.0.44" in outcome.bound.contact
    echoed = [value for key, value in outcome.headers if key == "Contact"]
    assert len(echoed) == 1 and echoed[0].startswith(NEW)


@pytest.mark.parametrize(
    ("contact", "expires"),
    [
        (f"Contact: {OLD};expires=0, {NEW};expires=0", "Expires: 3600"),
        (f"Contact: {OLD};expires=0, {NEW}", "Expires: 0"),
        (f"Contact: {OLD}, {NEW}", "Expires: 0"),
    ],
)
def test_where_no_contact_stays_the_peer_unregisters(registrar: Registrar, contact: str, expires: str) -> None:
    outcome = register(registrar, expires, contact=contact)
    assert outcome.status == 200 and outcome.bound is None and outcome.unbound == CAMERA


def test_two_contacts_that_stay_are_both_echoed_and_the_first_is_kept(registrar: Registrar) -> None:
    outcome = register(registrar, "Expires: 300", contact=f"Contact: {OLD}, {NEW}")
    assert outcome.bound is not None and outcome.bound.contact == OLD
    assert [value for key, value in outcome.headers if key == "Contact"] == [OLD, NEW]


@pytest.mark.parametrize("host", [REALM, "10.0.0.9", "10.0.0.9:5060", "192.0.2.1", "camera_1.example.org"])
def test_the_host_of_the_address_of_record_does_not_matter(registrar: Registrar, host: str) -> None:
    to = f"<sip:{CAMERA}@{host}>"
    asked = challenge(ask(registrar, to=to))
    assert ask(registrar, digest(asked, user=CAMERA, password="geheim"), to=to).bound is not None


def test_only_a_device_entered_as_such_registers_without_a_password(registrar: Registrar) -> None:
    outcome = ask(registrar, "Expires: 60", peer=OPEN)
    assert outcome.status == 200 and outcome.bound is not None and outcome.bound.peer_id == OPEN


def test_guessing_one_id_is_stopped_and_its_neighbours_behind_the_same_address_do_not_notice(
    registrar: Registrar,
) -> None:
    asked = challenge(ask(registrar))
    answers = [ask(registrar, digest(asked, user=CAMERA, password=f"guess{n}")) for n in range(30)]
    assert [one.reason for one in answers[10:]] == ["Too many wrong passwords from this address"] * 20
    # Even the right password is not told apart while the id is stopped for this address, ...
    assert ask(registrar, digest(asked, user=CAMERA, password="geheim")).status == 403
    # ... but others at the same address, and the same id from elsewhere, are served.
    assert ask(registrar, "Expires: 60", peer=OPEN).status == 200
    elsewhere = Peer("UDP", "192.0.2.8", 5060)
    assert register(registrar, source=elsewhere).status == 200
    assert registrar.counters["throttled"] == 21
    # It ends by itself.
    assert register(registrar, now=NOW + 61).status == 200


def test_trying_many_ids_is_stopped_by_address(registrar: Registrar) -> None:
    asked = challenge(ask(registrar))
    for n in range(200):
        peer = f"3402000000131{n:07d}"
        assert ask(registrar, digest(asked, user=peer, password="guess"), peer=peer).status == 401
    assert ask(registrar, peer="34020000001329999999").reason == "Too many wrong passwords from this address"
    assert ask(registrar, source=Peer("UDP", "192.0.2.8", 5060)).status == 401


def test_logging_in_with_an_own_account_does_not_give_new_guesses(registrar: Registrar) -> None:
    asked = challenge(ask(registrar))
    for n in range(10):
        ask(registrar, digest(asked, user="x", password="guess"), peer="34020000001320000077")
        assert register(registrar, now=NOW + n).status == 200
    assert ask(registrar, peer="34020000001320000077").status == 403


def test_forged_requests_with_the_address_of_a_device_do_not_lock_it_out(registrar: Registrar) -> None:
    elsewhere = challenge(ask(registrar, source=Peer("UDP", "198.51.100.1", 5060)))
    made_up = {"realm": REALM, "nonce": "0" * 32}
    for asked in (made_up, elsewhere):
        for n in range(300):
            forged = ask(registrar, digest(asked, user=CAMERA, password=f"guess{n}"))
            assert challenge(forged)["stale"] == "true" and forged.problem is None
    assert registrar.counters["other_nonce"] == 600
    assert register(registrar).status == 200


def test_a_nonce_of_another_address_is_no_way_to_try_passwords(registrar: Registrar) -> None:
    elsewhere = challenge(ask(registrar, source=Peer("UDP", "198.51.100.1", 5060)))
    right, wrong = (
        ask(registrar, digest(elsewhere, user=CAMERA, password=password)) for password in ("geheim", "guess")
    )
    assert challenge(right).keys() == challenge(wrong).keys() and right.bound is None
    assert (right.status, right.problem) == (wrong.status, wrong.problem)


def test_remembered_failures_are_bounded() -> None:
    counts = FailureCounts(2, 60.0, max_keys=3)
    for key in range(9):
        assert counts.add(key, 1.0) == 1
    assert len(counts) == 3 and counts.add(8, 2.0) == 2 and counts.exhausted(8, 3.0)
    counts.clear(8)
    assert not counts.exhausted(8, 3.0)


def test_where_codes_are_strict_only_20_digits_may_register() -> None:
    policy = RegistrarPolicy(strict_codes=True)
    strict = Registrar(realm=REALM, account_of=ACCOUNTS.get, binding_of=nobody, policy=policy)
    for odd in ("camera-1", "3402000000132000005", "34020000001320000055x"):
        assert ask(strict, peer=odd).reason == "The id must have 20 digits"
    assert ask(strict, "Expires: 60", peer=OPEN).status == 200
