from __future__ import annotations

from gateway.web.auth import MAX_KEYS_PER_USER

URL = "/api/v1/tokens"


async def test_a_key_is_shown_once_works_until_it_expires_and_can_be_revoked(api) -> None:
    body = {"name": "wall", "role": "viewer", "lifetime_seconds": 3600}
    status, key = await api.call("POST", URL, body)
    assert status == 201 and key["kind"] == "key" and key["role"] == "viewer"
    api.tokens["wall"] = key["token"]
    assert (await api.call("GET", "/api/v1/me", user="wall"))[1]["role"] == "viewer"
    assert (await api.call("GET", "/api/v1/devices", user="wall"))[0] == 403
    listed = (await api.call("GET", URL))[1]
    assert {item["kind"] for item in listed["items"]} == {"session", "key"} and key["token"] not in str(listed)
    assert (await api.call("DELETE", f"{URL}/{key['id']}"))[0] == 204
    assert (await api.call("GET", "/api/v1/me", user="wall"))[0] == 401
    api.tokens["wall"] = (await api.call("POST", URL, body))[1]["token"]
    api.now[0] += 3601
    assert (await api.call("GET", "/api/v1/me", user="wall"))[0] == 401


async def test_a_key_cannot_do_more_than_its_owner(api) -> None:
    await api.add_user("guest", "viewer")
    assert (await api.call("POST", URL, {"name": "x", "role": "admin"}, user="guest"))[0] == 403


async def test_users_see_and_revoke_their_own_tokens_only(api) -> None:
    await api.add_user("guest", "viewer")
    own = (await api.call("GET", URL, user="guest"))[1]
    assert [item["user_id"] for item in own["items"]] == ["guest"]
    [roots] = [token for token in api.ctx.stores.tokens.all() if token.user_id == "root"]
    assert (await api.call("DELETE", f"{URL}/{roots.id}", user="guest"))[0] == 404
    assert (await api.call("DELETE", f"{URL}/{own['items'][0]['id']}"))[0] == 204
    assert (await api.call("GET", URL, user="guest"))[0] == 401


async def test_logging_out_ends_the_session_and_login_and_password_bodies_are_checked(api) -> None:
    assert (await api.call("POST", "/api/v1/login", {"username": "root"}, user=None))[0] == 400
    status, session = await api.call(
        "POST", "/api/v1/login", {"username": "root", "password": "Correct-Horse-7"}, user=None
    )
    api.tokens["root"] = session["token"]
    me = (await api.call("GET", "/api/v1/me"))[1]
    assert (me["username"], me["expires_at"]) == ("root", session["expires_at"])
    body = {"old": "Correct-Horse-7", "new": "Another-Horse-8"}
    api.now[0] += 1
    assert (await api.call("POST", "/api/v1/me/password", body))[0] == 204
    api.tokens["root"] = (
        await api.call("POST", "/api/v1/login", {"username": "root", "password": "Another-Horse-8"}, user=None)
    )[1]["token"]
    assert (await api.call("POST", "/api/v1/logout"))[0] == 204
    assert (await api.call("GET", "/api/v1/me"))[0] == 401


async def test_a_key_issues_no_keys_or_it_would_live_for_ever(api) -> None:
    api.tokens["wall"] = (await api.call("POST", URL, {"name": "wall", "role": "admin"}))[1]["token"]
    assert (await api.call("POST", URL, {"name": "next"}, user="wall"))[0] == 403
    assert sum(token.kind == "key" for token in api.ctx.stores.tokens.all()) == 1


async def test_a_user_has_a_bounded_number_of_keys_and_expired_ones_do_not_count(api) -> None:
    await api.add_user("guest", "viewer")
    body = {"name": "k", "lifetime_seconds": 60}
    answers = [(await api.call("POST", URL, body, user="guest"))[0] for _ in range(MAX_KEYS_PER_USER + 1)]
    assert answers == [201] * MAX_KEYS_PER_USER + [409]
    api.now[0] += 61
    assert (await api.call("POST", URL, body, user="guest"))[0] == 201


async def test_nobody_learns_which_tokens_others_have(api) -> None:
    await api.add_user("guest", "viewer")
    [roots] = [token for token in api.ctx.stores.tokens.all() if token.user_id == "root"]
    there, not_there = [await api.call("DELETE", f"{URL}/{one}", user="guest") for one in (roots.id, "0" * 16)]
    assert there == not_there and there[0] == 404
