from __future__ import annotations

import asyncio

PASSWORD = "Correct-Horse-7"


async def test_the_code_shown_at_start_makes_the_first_administrator_once(start_api) -> None:
    api = await start_api(fresh=True)
    [code] = api.announced
    assert await api.call("GET", "/api/v1/setup", user=None) == (200, {"needed": True})
    body = {"code": code.lower().replace("-", " "), "username": "chief", "password": PASSWORD}
    assert await api.call("POST", "/api/v1/setup", body, user=None) == (201, {"needed": False})
    assert api.ctx.stores.users.require("chief").role == "admin"
    status, again = await api.call("POST", "/api/v1/setup", body | {"username": "second"}, user=None)
    assert (status, again["error"]) == (409, "already_set_up")
    status, session = await api.call("POST", "/api/v1/login", {"username": "chief", "password": PASSWORD}, user=None)
    assert (status, session["role"]) == (200, "admin")


async def test_a_wrong_code_is_refused_and_makes_no_account(start_api) -> None:
    api = await start_api(fresh=True)
    body = {"code": "AAAAA-AAAAA-AAAAA-AAAAA", "username": "thief", "password": PASSWORD}
    status, answer = await api.call("POST", "/api/v1/setup", body, user=None)
    assert (status, answer["error"]) == (403, "wrong_code")
    assert len(api.ctx.stores.users) == 0


async def test_two_set_ups_at_once_make_one_administrator(start_api) -> None:
    api = await start_api(fresh=True)
    bodies = [{"code": api.announced[0], "username": f"chief{n}", "password": PASSWORD} for n in range(3)]
    answers = await asyncio.gather(*(api.call("POST", "/api/v1/setup", body, user=None) for body in bodies))
    assert sorted(status for status, _ in answers) == [201, 409, 409]
    assert len(api.ctx.stores.users) == 1


async def test_a_weak_first_password_is_refused_and_the_code_stays_good(start_api) -> None:
    api = await start_api(fresh=True)
    body = {"code": api.announced[0], "username": "chief", "password": "admin12345"}
    status, answer = await api.call("POST", "/api/v1/setup", body, user=None)
    assert (status, answer["error"]) == (400, "weak_password")
    assert (await api.call("POST", "/api/v1/setup", body | {"password": PASSWORD}, user=None))[0] == 201


async def test_the_ledger_has_the_set_up_without_its_password(start_api) -> None:
    api = await start_api(fresh=True)
    body = {"code": api.announced[0], "username": "chief", "password": PASSWORD}
    await api.call("POST", "/api/v1/setup", body, user=None)
    assert api.ctx.ledger.head.seq == 1
    assert PASSWORD.encode() not in b"".join(
        path.read_bytes() for path in api.ctx.ledger.path.parent.iterdir() if path.is_file()
    )
