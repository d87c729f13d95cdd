"""Our registration with a hand-written upper platform: everything it may answer, and what we then do."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway.signalling import uplink as module
from gateway.signalling.uplink import CONNECTION_CLOSED, Uplink, UpperTarget, refresh_after
from gateway.signalling.uplink_status import CLOSED_AGAIN_HINT, CLOSED_HINT, UplinkState
from interop.wire.sipwire import Split, digest_fields, digest_response, element
from sip.aio import Peer
from tests.gateway.signalling.raw import LOWER, UPPER, Answer, Desk, RawPeer, eventually

CHALLENGE = 'WWW-Authenticate: Digest realm="3401000000", nonce="{nonce}", algorithm=MD5, qop="auth"'


class Platform:
    """An upper platform that checks the digest by hand; `script` overrules it answer by answer."""

    def __init__(self, raw: RawPeer, password: str = "oben") -> None:
        self.raw, self.password = raw, password
        self.script: list[Answer | Callable[[Split], Answer]] = []
        self.keepalive: Answer = 200
        self.expires: str | None = "3600"
        self.nonce = "n0"
        raw.answer = self._answer

    @property
    def registers(self) -> list[Split]:
        return self.raw.of("REGISTER")

    def _answer(self, request: Split) -> Answer:
        if request.method == "MESSAGE":
            return self.keepalive
        if self.script:
            step = self.script.pop(0)
            return step(request) if callable(step) else step
        return self.judge(request)

    def judge(self, request: Split) -> Answer:
        said = digest_fields(request.get("authorization") or "Digest ")
        right = digest_response(
            user=said.get("username", ""), realm="3401000000", password=self.password, method="REGISTER",
            uri=said.get("uri", ""), nonce=self.nonce, qop=said.get("qop", ""), nc=said.get("nc", ""),
            cnonce=said.get("cnonce", ""),
        )  # fmt: skip
        if said.get("response") != right:
            return (401, [CHALLENGE.format(nonce=self.nonce)])
        lines = [f"Expires: {self.expires}"] if self.expires is not None else []
        return (200, [*lines, "X-GB-Ver: 3.0", "Date: 2024-05-06T14:03:12.345"])


class Uplinked:
    """An uplink and what it told of itself."""

    def __init__(self, desk: Desk, address: tuple[str, int]) -> None:
        self.desk, self.address = desk, address
        self.states: list[str] = []
        self.made: list[Uplink] = []

    def begin(self, *, transport: str = "UDP", **options: Any) -> Uplink:
        kept = {
            name: options.pop(name)
            for name in ("registered_until", "server", "peer_version", "pause", "jitter")
            if name in options
        }
        settings = {"retry_seconds": 0.05, "retry_jitter_seconds": 0.0, "keepalive_seconds": 3600, "password": "oben"}
        host, port = options.pop("address", self.address)
        target = UpperTarget(UPPER, host, port, transport, LOWER, **(settings | options))
        uplink = Uplink(target, self.desk.stack, on_change=self._changed, **kept)
        self.made.append(uplink)
        self.desk.stack.on_connection_lost = lambda peer, reason: uplink.connection_lost(peer)
        uplink.start()
        return uplink

    async def _changed(self, uplink: Uplink) -> None:
        self.states.append(uplink.status.state.value)


@pytest.fixture
def platform(raw: RawPeer) -> Platform:
    return Platform(raw)


@pytest.fixture
async def up(desk: Desk, raw: RawPeer, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Uplinked]:
    monkeypatch.setattr(module, "ANSWER_S", 0.2)
    made = Uplinked(desk, raw.address)
    yield made
    for uplink in made.made:
        await uplink.stop(unregister=False)


async def test_we_register_as_the_standard_says(platform: Platform, up: Uplinked, raw: RawPeer) -> None:
    uplink = up.begin(username="user7", expires_seconds=7200)
    platform.script = [platform.judge]
    await eventually(lambda: uplink.registered)
    first, second = platform.registers
    assert first.start == f"REGISTER sip:{UPPER}@3401000000 SIP/2.0" and first.get("authorization") is None
    assert first.need("call-id") == second.need("call-id") and second.need("cseq") == "2 REGISTER"
    assert first.need("from") == second.need("from") and f"<sip:{LOWER}@3402000000>" in first.need("to")
    assert first.need("expires") == "7200" and first.need("x-gb-ver") == "3.0"
    assert re.fullmatch(rf"<sip:{LOWER}@127\.0\.0\.1:{up.desk.port}>", first.need("contact"))
    assert 'username="user7"' in second.need("authorization") and list(raw.port.faults) == []
    assert up.states == ["registering", "registered"] and uplink.status.peer_version == "3.0"
    assert 3500 < uplink.status.registered_until - uplink._clock() <= 3600
    assert uplink.peer == Peer("UDP", *raw.address)


async def test_stopping_unregisters_with_a_digest(platform: Platform, up: Uplinked) -> None:
    uplink = up.begin()
    await eventually(lambda: uplink.registered)
    await uplink.stop()
    assert [one.need("expires") for one in platform.registers[-2:]] == ["0", "0"]
    assert uplink.status.state is UplinkState.STOPPED and up.states[-1] == "stopped"
    assert platform.registers[-1].get("authorization") is not None


async def test_stopping_while_the_upper_platform_is_dead_ends_all_the_same(platform: Platform, up: Uplinked) -> None:
    uplink = up.begin()
    await eventually(lambda: uplink.registered)
    platform.script = [None] * 50
    await uplink.stop()
    assert uplink.status.state is UplinkState.STOPPED


async def test_a_401_to_good_credentials_is_answered_once_more_with_the_new_nonce(
    platform: Platform, up: Uplinked
) -> None:
    def stale(request: Split) -> Answer:
        platform.nonce = "n1"
        return (401, [CHALLENGE.format(nonce="n1") + ", stale=true"])

    platform.script = [platform.judge, stale]
    uplink = up.begin()
    await eventually(lambda: uplink.registered)
    assert [digest_fields(one.get("authorization") or "D ").get("nonce") for one in platform.registers] == [
        None, "n0", "n1",
    ]  # fmt: skip


async def test_a_wrong_password_waits_and_says_what_to_compare(platform: Platform, up: Uplinked) -> None:
    uplink = up.begin(password="falsch", retry_seconds=3600.0)
    await eventually(lambda: uplink.status.state is UplinkState.WAITING)
    assert len(platform.registers) == 3 and uplink.status.problem == "401 Unauthorized"
    assert "compare user name and password" in (uplink.status.hint or "")
    assert uplink.status.trace[-1].startswith("failed: 401")


@pytest.mark.parametrize(
    ("answer", "words"),
    [(403, "refuses this id"), (404, "does not know our id"), (503, "Not reachable"), (None, "No answer")],
)
async def test_every_failure_has_words_and_is_tried_again(
    platform: Platform, up: Uplinked, answer: Answer, words: str
) -> None:
    platform.script = [answer] * (40 if answer is None else 1)
    uplink = up.begin(retry_seconds=0.2)
    await eventually(lambda: uplink.status.state is UplinkState.WAITING)
    assert words in (uplink.status.hint or "")
    platform.script = []
    await eventually(lambda: uplink.registered)
    assert uplink.status.problem is None and uplink.status.hint is None


async def test_a_redirect_is_followed_and_everything_goes_there(platform: Platform, up: Uplinked) -> None:
    async with RawPeer() as other:
        there = Platform(other)
        moved = f"Contact: <sip:34010000002000000055@127.0.0.1:{other.port.port}>"
        platform.script = [(302, [moved, "Expires: 3600"])]
        uplink = up.begin(keepalive_seconds=0.05)
        await other.wait_for("MESSAGE", "Keepalive")
        assert there.registers[0].start == f"REGISTER sip:34010000002000000055@127.0.0.1:{other.port.port} SIP/2.0"
        assert len(platform.registers) == 1 and uplink.peer == Peer("UDP", *other.address)
        # That server refuses us later: back to the one that redirects.
        there.keepalive = 403
        there.script = [403]
        await eventually(lambda: len(platform.registers) >= 2 and uplink.registered)
        assert uplink.peer.port == platform.raw.port.port


async def test_redirects_in_a_circle_and_to_nowhere_end(platform: Platform, up: Uplinked, raw: RawPeer) -> None:
    round_and_round = (302, [f"Contact: <sip:{UPPER}@127.0.0.1:{raw.port.port}>"])
    platform.script = [round_and_round] * 4
    uplink = up.begin(retry_seconds=0.2)
    await eventually(lambda: uplink.status.state is UplinkState.WAITING)
    assert uplink.status.problem == "302 Answer" and len(platform.registers) == 4
    platform.script = [(302, ["Contact: *"])]
    await eventually(lambda: uplink.status.problem == "302 redirected to nowhere")
    await eventually(lambda: uplink.registered)


async def test_a_longer_time_is_asked_for_where_it_is_wanted(platform: Platform, up: Uplinked) -> None:
    platform.script = [(423, ["Min-Expires: 9000"])]
    uplink = up.begin()
    await eventually(lambda: uplink.registered)
    assert [one.need("expires") for one in platform.registers] == ["3600", "9000", "9000"]


async def test_answers_that_make_no_sense_are_failures_and_no_crash(platform: Platform, up: Uplinked) -> None:
    junk: list[Answer] = [
        (423, ["Min-Expires: much"]), (423, []), (423, []),
        (401, ["WWW-Authenticate: Basic realm=x"]),
        (401, ['WWW-Authenticate: Digest realm="3401000000", nonce="n", algorithm=SHA-512-256']),
        (401, ["WWW-Authenticate: Digest realm"]),
        (302, []), 700 - 1, 305,
    ]  # fmt: skip
    platform.script = list(junk)
    uplink = up.begin(retry_seconds=0.01)
    await eventually(lambda: uplink.registered)
    assert platform.script == []


@pytest.mark.parametrize("expires", [None, "0", "soon"])
async def test_a_200_that_grants_nothing_readable_grants_what_was_asked(
    platform: Platform, up: Uplinked, expires: str | None
) -> None:
    platform.expires = expires
    uplink = up.begin()
    await eventually(lambda: uplink.registered)
    assert uplink.status.registered_until - uplink._clock() > 3500


async def test_keepalives_say_that_we_are_well(platform: Platform, up: Uplinked, raw: RawPeer) -> None:
    uplink = up.begin(keepalive_seconds=0.05, charset="GB2312")
    first, second, *_ = await raw.wait_for("MESSAGE", "Keepalive", 2)
    assert element(first.text, "Status") == "OK" and element(first.text, "DeviceID") == LOWER
    assert element(first.text, "SN") != element(second.text, "SN")
    assert uplink.status.last_keepalive > 0 and list(raw.port.faults) == []


async def test_keepalives_that_are_not_answered_lead_to_a_new_registration_without_any_loss(
    platform: Platform, up: Uplinked
) -> None:
    platform.keepalive = None
    uplink = up.begin(keepalive_seconds=0.02, keepalive_misses=2)
    await eventually(lambda: len(platform.registers) >= 4)
    await eventually(lambda: uplink.status.missed_keepalives == 0)
    assert uplink.registered and set(up.states) == {"registering", "registered"}


async def test_a_dead_upper_platform_is_noticed_by_its_keepalives(platform: Platform, up: Uplinked) -> None:
    uplink = up.begin(keepalive_seconds=0.02, keepalive_misses=2, retry_seconds=0.2)
    await eventually(lambda: uplink.registered)
    platform.keepalive = None
    platform.script = [None] * 60
    await eventually(lambda: uplink.status.state is UplinkState.WAITING)
    assert "No answer" in (uplink.status.hint or "")
    platform.keepalive, platform.script = 200, []
    await eventually(lambda: uplink.registered)


async def test_an_upper_platform_that_forgot_us_gets_a_new_registration_at_once(
    platform: Platform, up: Uplinked
) -> None:
    uplink = up.begin(keepalive_seconds=0.05)
    await eventually(lambda: uplink.registered)
    platform.keepalive = 403
    count = len(platform.registers)
    await eventually(lambda: len(platform.registers) > count)
    platform.keepalive = 200
    await eventually(lambda: uplink.status.last_keepalive > 0)
    assert uplink.registered and "waiting" not in up.states


async def test_a_fault_at_the_upper_platform_counts_as_a_missed_keepalive(platform: Platform, up: Uplinked) -> None:
    platform.keepalive = 500
    uplink = up.begin(keepalive_seconds=0.05, keepalive_misses=1000)
    await eventually(lambda: uplink.status.missed_keepalives >= 2)
    assert uplink.registered


async def test_a_registration_is_renewed_before_it_ends(platform: Platform, up: Uplinked) -> None:
    platform.expires = "1"
    uplink = up.begin()
    await eventually(lambda: up.states.count("registered") >= 2)
    assert uplink.registered and len(platform.registers) >= 4


def test_when_a_registration_is_renewed() -> None:
    assert [refresh_after(s) for s in (86_400, 3600, 300, 120, 60, 1, -5)] == [69_120, 2880, 240, 60, 30, 0.5, 0.5]


async def test_after_a_restart_a_keepalive_is_enough(platform: Platform, up: Uplinked, raw: RawPeer) -> None:
    uplink = up.begin(registered_until=4e9, peer_version="2.0")
    await eventually(lambda: uplink.registered)
    assert platform.registers == [] and len(raw.of("MESSAGE", "Keepalive")) == 1
    assert uplink.status.peer_version == "2.0" and up.states == ["registered"]


async def test_after_a_restart_a_redirected_registration_goes_on_where_it_was(up: Uplinked, raw: RawPeer) -> None:
    async with RawPeer() as other:
        uplink = up.begin(registered_until=4e9, server=Peer("UDP", *other.address))
        await eventually(lambda: uplink.registered)
        assert len(other.of("MESSAGE", "Keepalive")) == 1 and raw.heard == []


async def test_after_a_restart_a_keepalive_that_fails_leads_to_a_registration(platform: Platform, up: Uplinked) -> None:
    platform.keepalive = 403
    uplink = up.begin(registered_until=4e9)
    await eventually(lambda: uplink.registered)
    assert len(platform.registers) == 2


async def test_an_upper_platform_may_be_given_by_name(platform: Platform, up: Uplinked, raw: RawPeer) -> None:
    uplink = up.begin(address=("localhost", raw.port.port))
    await eventually(lambda: uplink.registered)
    assert uplink.peer == Peer("UDP", *raw.address)
    unknown = up.begin(address=("no-such-host.invalid", 5060), retry_seconds=3600.0)
    await eventually(lambda: unknown.status.state is UplinkState.WAITING)
    assert "name not known" in (unknown.status.problem or "")


async def test_over_tcp_everything_goes_over_one_connection(platform: Platform, up: Uplinked, raw: RawPeer) -> None:
    uplink = up.begin(transport="TCP", keepalive_seconds=0.05)
    await raw.wait_for("MESSAGE", "Keepalive", 2)
    assert uplink.registered and all("SIP/2.0/TCP" in one.need("via") for one in raw.heard)
    assert len(raw.port._writers) == 1


@pytest.fixture
def patient(up: Uplinked, monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers are waited for: a busy machine is no dead platform."""
    monkeypatch.setattr(module, "ANSWER_S", 8.0)


class Wait:
    """The wait before the next try, as long as the test likes."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.over = asyncio.Event()

    async def pause(self, seconds: float) -> None:
        self.seconds.append(seconds)
        await self.over.wait()


def hang_up(raw: RawPeer) -> None:
    """The platform closes every connection."""
    for writer in list(raw.port._writers):
        writer.close()


@pytest.mark.usefixtures("patient")
async def test_after_a_closed_connection_we_are_offline_and_wait_before_we_register_again(
    platform: Platform, up: Uplinked, raw: RawPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait = Wait()
    with capture_logs() as logs:
        retry = {"retry_seconds": 60.0, "retry_jitter_seconds": 30.0}
        uplink = up.begin(transport="TCP", pause=wait.pause, jitter=lambda: 0.5, **retry)
        await eventually(lambda: uplink.registered)
        hang_up(raw)
        await eventually(lambda: wait.seconds == [75.0])
    assert up.states == ["registering", "registered", "waiting"] and len(platform.registers) == 2
    assert uplink.status.problem == CONNECTION_CLOSED and uplink.status.hint == CLOSED_HINT
    [line] = [one for one in logs if one["event"] == "uplink failed"]
    assert line["upper"] == UPPER and line["problem"] == CONNECTION_CLOSED
    wait.over.set()
    await eventually(lambda: len(platform.registers) == 4 and uplink.registered)
    assert up.states[3:] == ["registering", "registered"] and uplink.status.problem is None
    assert len(raw.port._writers) == 1


@pytest.mark.usefixtures("patient")
async def test_a_platform_that_closes_again_and_again_is_named(platform: Platform, up: Uplinked, raw: RawPeer) -> None:
    wait = Wait()
    uplink = up.begin(transport="TCP", pause=wait.pause)
    for count, hint in ((1, CLOSED_HINT), (2, CLOSED_AGAIN_HINT)):
        await eventually(lambda: uplink.registered)
        wait.over.clear()
        hang_up(raw)
        await eventually(lambda count=count: len(wait.seconds) == count)
        assert uplink.status.hint == hint and len(platform.registers) == 2 * count
        wait.over.set()


@pytest.mark.usefixtures("patient")
async def test_a_platform_that_closes_and_is_gone_is_waited_for_like_any_other(
    platform: Platform, up: Uplinked, raw: RawPeer
) -> None:
    uplink = up.begin(transport="TCP")
    await eventually(lambda: uplink.registered)
    await raw.port.close()
    await eventually(lambda: uplink.status.state is UplinkState.WAITING)
    assert f"failed: {CONNECTION_CLOSED}" in uplink.status.trace
    await eventually(lambda: "Not reachable" in (uplink.status.hint or ""))


@pytest.mark.usefixtures("patient")
async def test_a_connection_that_breaks_under_a_keepalive_is_a_closed_one_too(
    platform: Platform, up: Uplinked, raw: RawPeer
) -> None:
    uplink = up.begin(transport="TCP", keepalive_seconds=0.05, keepalive_misses=1)
    await eventually(lambda: uplink.registered)
    real = raw.answer

    def closing(request: Split) -> Answer:
        if request.method != "MESSAGE":
            return real(request)
        raw.answer = real
        hang_up(raw)
        return None

    raw.answer = closing
    await eventually(lambda: len(platform.registers) == 4 and uplink.registered)
    assert up.states == ["registering", "registered", "waiting", "registering", "registered"]
    assert CONNECTION_CLOSED in " ".join(uplink.status.trace)


async def test_connections_of_others_do_not_concern_an_uplink(platform: Platform, up: Uplinked, raw: RawPeer) -> None:
    uplink = up.begin(transport="TCP")
    await eventually(lambda: uplink.registered)
    uplink.connection_lost(Peer("TCP", "127.0.0.1", raw.port.port + 1))
    uplink.connection_lost(Peer("TCP", "127.0.0.2", raw.port.port))
    assert not uplink._connection_closed.is_set()


async def test_a_fault_of_ours_is_shown_and_tried_again(
    platform: Platform, up: Uplinked, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Uplink._send_register
    broken = [True]

    async def send(self: Uplink, *args: Any) -> Any:
        if broken:
            broken.clear()
            raise ZeroDivisionError("a bug")
        return await real(self, *args)

    monkeypatch.setattr(Uplink, "_send_register", send)
    uplink = up.begin()
    await eventually(lambda: uplink.registered)
    assert "failed: a bug" in uplink.status.trace


async def test_only_the_last_steps_are_kept(platform: Platform, up: Uplinked) -> None:
    uplink = up.begin()
    for n in range(50):
        uplink.status.step(str(n))
    assert uplink.status.trace == [str(n) for n in range(30, 50)]
    assert "oben" not in repr(uplink.target)
    await asyncio.sleep(0)
