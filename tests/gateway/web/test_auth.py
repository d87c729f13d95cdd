from __future__ import annotations

import asyncio

import pytest

from gateway.compliance.ledger import LedgerQuery
from gateway.config import Config, HttpConfig
from gateway.store.users import Token, User, token_digest
from gateway.web.auth import MAX_SESSIONS_PER_USER, Identity, Throttle, source_of

PASSWORD = "Correct-Horse-7"
LOGIN = "/api/v1/login"


async def login(api, name: str = "root", password: str = PASSWORD):
    return await api.call("POST", LOGIN, {"username": name, "password": password}, user=None)


async def test_a_login_gives_a_token_of_256_bits_of_which_only_the_digest_is_stored(api) -> None:
    status, session = await login(api)
    assert status == 200 and len(session["token"]) == 43
    token = api.ctx.stores.tokens.by_digest(token_digest(session["token"]))
    assert token.user_id == "root" and session["token"] not in repr(token)
    api.tokens["root"] = session["token"]
    assert (await api.call("GET", "/api/v1/me"))[1]["username"] == "root"


async def test_wrong_name_and_wrong_password_look_the_same_and_are_entered(api) -> None:
    wrong, unknown = await login(api, password="nope"), await login(api, "nobody", "nope")
    assert wrong == unknown and wrong[0] == 401 and wrong[1]["error"] == "login_failed"
    rows = await api.ctx.ledger.entries(LedgerQuery(action="login"))
    assert [(row.entry.actor_id, row.entry.result) for row in rows] == [("nobody", "refused"), ("root", "refused")]


async def test_failed_logins_lock_the_account_for_a_while_even_for_the_right_password(start_api) -> None:
    api = await start_api(Config(http=HttpConfig(login_attempts=3, lockout_seconds=600)))
    for _ in range(3):
        await login(api, password="nope")
    assert (await login(api))[0] == 401
    assert (await api.ctx.ledger.entries(LedgerQuery(limit=1)))[0].entry.result == "locked"
    api.now[0] += 601
    assert (await login(api))[0] == 200
    assert api.ctx.stores.users.require("root").failed_logins == 0


async def test_guesses_made_at_once_are_counted_like_those_made_in_turn(start_api) -> None:
    api = await start_api(Config(http=HttpConfig(login_attempts=5, logins_per_minute=100)))
    guesses = [login(api, password=f"nope-{number}") for number in range(5)]
    assert {status for status, _ in await asyncio.gather(*guesses)} == {401}
    assert api.ctx.stores.users.require("root").locked_until > api.now[0]


async def test_a_lock_holds_for_guesses_that_were_waiting_when_it_came(start_api) -> None:
    api = await start_api(Config(http=HttpConfig(login_attempts=3, logins_per_minute=100)))
    gate, waiting, real = asyncio.Event(), asyncio.Event(), api.ctx.auth.passwords.matches

    async def slow(password_hash: str | None, password: str) -> bool:
        if password == PASSWORD:
            waiting.set()
            await gate.wait()
        return await real(password_hash, password)

    api.ctx.auth.passwords.matches = slow
    lucky = asyncio.create_task(login(api))
    await waiting.wait()
    for _ in range(3):
        await login(api, password="nope")
    gate.set()
    assert (await lucky)[0] == 401
    api.ctx.auth.passwords.matches = real


async def test_a_password_that_was_changed_while_it_was_checked_is_wrong(api) -> None:
    real = api.ctx.auth.passwords.matches

    async def overtaken(password_hash: str | None, password: str) -> bool:
        await api.ctx.stores.users.update("root", password_hash=await api.ctx.auth.passwords.hash("Another-Horse-8"))
        return await real(password_hash, password)

    api.ctx.auth.passwords.matches = overtaken
    assert (await login(api))[0] == 401
    api.ctx.auth.passwords.matches = real


@pytest.mark.parametrize(
    ("remote", "source"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2::7", "2001:0db8:0001:0002::/64"),
        ("fe80::1%eth0", "fe80:0000:0000:0000::/64"),
        ("", ""),
    ],
)
def test_who_has_one_address_of_a_network_has_them_all(remote: str, source: str) -> None:
    assert source_of(remote) == source


async def test_a_success_clears_the_count_of_failures(api) -> None:
    await login(api, password="nope")
    assert api.ctx.stores.users.require("root").failed_logins == 1
    await login(api)
    assert api.ctx.stores.users.require("root").failed_logins == 0


async def test_one_source_may_try_only_so_often(start_api) -> None:
    api = await start_api(Config(http=HttpConfig(logins_per_minute=2, login_attempts=100)))
    assert [(await login(api, password="nope"))[0] for _ in range(3)] == [401, 401, 429]
    api.now[0] += 31
    assert (await login(api))[0] == 200


async def test_a_session_ends_by_logout_lifetime_and_idleness(start_api) -> None:
    api = await start_api(Config(http=HttpConfig(session_seconds=1000, session_idle_seconds=100)))
    for end in ("logout", "idle", "lifetime"):
        api.tokens["root"] = (await login(api))[1]["token"]
        assert (await api.call("GET", "/api/v1/me"))[0] == 200
        if end == "logout":
            assert (await api.call("POST", "/api/v1/logout"))[0] == 204
        elif end == "idle":
            api.now[0] += 101
        else:
            for _ in range(11):
                api.now[0] += 95
                await api.call("GET", "/api/v1/me")
        assert (await api.call("GET", "/api/v1/me"))[0] == 401, end


async def test_a_disabled_or_removed_user_is_out_at_once(api) -> None:
    await api.add_user("guest", "viewer")
    await api.call("PATCH", "/api/v1/users/guest", {"enabled": False})
    assert (await api.call("GET", "/api/v1/me", user="guest"))[0] == 401
    assert (await login(api, "guest"))[0] == 401
    await api.call("PATCH", "/api/v1/users/guest", {"enabled": True})
    assert (await api.call("GET", "/api/v1/me", user="guest"))[0] == 200
    await api.call("DELETE", "/api/v1/users/guest")
    await api.call("POST", "/api/v1/users", {"id": "guest", "password": PASSWORD})
    assert (await api.call("GET", "/api/v1/me", user="guest"))[0] == 401


async def test_a_new_password_ends_the_sessions_given_before_it(api) -> None:
    api.now[0] += 1
    body = {"old": PASSWORD, "new": "Another-Horse-8"}
    assert (await api.call("POST", "/api/v1/me/password", {**body, "old": "nope"}))[0] == 403
    assert (await api.call("POST", "/api/v1/me/password", {**body, "new": "short"}))[1]["error"] == "weak_password"
    assert (await api.call("POST", "/api/v1/me/password", body))[0] == 204
    assert (await api.call("GET", "/api/v1/me"))[0] == 401
    assert (await login(api, password="Another-Horse-8"))[0] == 200


async def test_a_reset_by_the_administrator_ends_the_users_sessions(api) -> None:
    await api.add_user("guest", "viewer")
    api.now[0] += 1
    await api.call("PATCH", "/api/v1/users/guest", {"password": "Another-Horse-8"})
    assert (await api.call("GET", "/api/v1/me", user="guest"))[0] == 401


async def test_a_user_has_a_bounded_number_of_sessions(start_api) -> None:
    api = await start_api(Config(http=HttpConfig(logins_per_minute=1000)))
    for _ in range(MAX_SESSIONS_PER_USER + 3):
        api.now[0] += 1
        assert (await login(api))[0] == 200
    assert len(api.ctx.stores.tokens) == MAX_SESSIONS_PER_USER


async def test_other_authorization_schemes_are_nobody(api) -> None:
    status, _ = await api.call("GET", "/api/v1/me", user=None, headers={"Authorization": "Basic cm9vdDp4"})
    assert status == 401


def test_a_caller_can_do_the_lesser_of_user_and_token() -> None:
    token = Token("t", "u", "key", "0", "operator", 0.0, 1.0)
    assert Identity(User("u", role="admin"), token).role == "operator"
    assert Identity(User("u", role="viewer"), token).role == "viewer"
    assert not Identity(User("u", role="admin"), token).at_least("admin")


def test_the_throttle_forgets_the_sources_it_saw_longest_ago() -> None:
    throttle = Throttle(1, sources=2)
    assert throttle.admit("a", 0.0) and not throttle.admit("a", 1.0)
    assert throttle.admit("b", 1.0) and throttle.admit("c", 1.0)
    assert throttle.admit("a", 1.0)
