from __future__ import annotations

from gateway.compliance.ledger import LedgerQuery
from gateway.config import Config, HttpConfig
from gateway.store.users import Token, User, token_digest
from gateway.web.auth import MAX_SESSIONS_PER_USER, Identity, Throttle

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
