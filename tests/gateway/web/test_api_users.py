from __future__ import annotations

from gateway.compliance.ledger import LedgerQuery

URL = "/api/v1/users"
PASSWORD = "Correct-Horse-7"


async def test_an_account_is_added_shown_changed_and_removed(api) -> None:
    status, shown = await api.call("POST", URL, {"id": "wang", "name": "王", "password": PASSWORD})
    assert (status, shown["role"], shown["enabled"]) == (201, "viewer", True)
    assert api.ctx.stores.users.require("wang").password_hash.startswith("$argon2id$")
    status, shown = await api.call("PATCH", f"{URL}/wang", {"role": "operator"})
    assert (status, shown["role"], shown["name"]) == (200, "operator", "王")
    assert (await api.call("DELETE", f"{URL}/wang"))[0] == 204


async def test_neither_password_nor_hash_is_shown_or_entered(api) -> None:
    answers = [
        await api.call("POST", URL, {"id": "wang", "password": PASSWORD}),
        await api.call("PATCH", f"{URL}/wang", {"password": "Another-Horse-8"}),
        await api.call("GET", URL),
    ]
    seen = str(answers) + str(await api.ctx.ledger.entries(LedgerQuery()))
    assert "Horse" not in seen and "argon2" not in seen


async def test_a_weak_password_is_refused(api) -> None:
    assert (await api.call("POST", URL, {"id": "wang", "password": "wang-Aa1-wang"}))[1]["error"] == "weak_password"
    assert (await api.call("POST", URL, {"id": "wang"}))[0] == 400


async def test_the_last_administrator_stays_one(api) -> None:
    assert (await api.call("PATCH", f"{URL}/root", {"role": "viewer"}))[1]["error"] == "last_admin"
    assert (await api.call("PATCH", f"{URL}/root", {"enabled": False}))[1]["error"] == "last_admin"
    assert (await api.call("PATCH", f"{URL}/root", {"name": "Root"}))[0] == 200
    await api.add_user("deputy", "admin")
    assert (await api.call("PATCH", f"{URL}/root", {"role": "viewer"}))[0] == 200
    assert (await api.call("DELETE", f"{URL}/deputy", user="deputy"))[1]["error"] == "own_account"


async def test_a_new_password_unlocks_the_account(api) -> None:
    await api.add_user("wang", "viewer")
    await api.ctx.stores.users.update("wang", locked_until=api.now[0] + 999, failed_logins=3)
    await api.call("PATCH", f"{URL}/wang", {"password": "Another-Horse-8"})
    user = api.ctx.stores.users.require("wang")
    assert (user.locked_until, user.failed_logins) == (0.0, 0)


async def test_what_must_have_a_value_cannot_be_null(api) -> None:
    assert (await api.call("PATCH", f"{URL}/root", {"password": None}))[0] == 400
