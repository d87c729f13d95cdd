from __future__ import annotations

import asyncio

from gateway.compliance.ledger import LedgerQuery
from gateway.config import Config, HttpConfig

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
    [row] = await api.ctx.ledger.entries(LedgerQuery())
    assert (row.entry.action, row.entry.result, row.entry.destination) == ("setup", "refused", "127.0.0.1")
    assert "AAAAA" not in str(row)


async def test_codes_are_not_guessed_faster_than_the_limit_and_wrong_ones_make_a_new_code(start_api) -> None:
    api = await start_api(Config(http=HttpConfig(logins_per_minute=12)), fresh=True)
    body = {"code": "AAAAA-AAAAA-AAAAA-AAAAA", "username": "thief", "password": PASSWORD}
    answers = [(await api.call("POST", "/api/v1/setup", body, user=None))[0] for _ in range(14)]
    assert answers == [403] * 12 + [429] * 2
    first, second = api.announced
    api.now[0] += 60
    assert (await api.call("POST", "/api/v1/setup", body | {"code": first}, user=None))[0] == 403
    assert (await api.call("POST", "/api/v1/setup", body | {"code": second}, user=None))[0] == 201


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
