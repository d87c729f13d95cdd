from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from gateway.compliance.entry import Entry

URL = "/api/v1/ledger"


async def test_entries_are_read_newest_first_in_pages_and_filtered(api) -> None:
    for number in range(5):
        await api.ctx.ledger.append(Entry("user", "wang", "live", "granted", peer_id="p", code=str(number % 2)))
    page = (await api.call("GET", f"{URL}?limit=2&action=live"))[1]
    assert [item["seq"] for item in page["items"]] == [5, 4] and page["next"] == 4 and page["head"]["seq"] == 5
    page = (await api.call("GET", f"{URL}?limit=9&before={page['next']}"))[1]
    assert [item["seq"] for item in page["items"]] == [3, 2, 1] and page["next"] is None
    page = (await api.call("GET", f"{URL}?code=1&actor=user:wang"))[1]
    assert [item["seq"] for item in page["items"]] == [4, 2]


async def test_verifying_says_the_chain_is_whole_or_names_the_first_bad_entry(api) -> None:
    for _ in range(3):
        await api.ctx.ledger.append(Entry("user", "wang", "live", "granted"))
    status, verified = await api.call("POST", f"{URL}/verify")
    assert (status, verified["whole"], verified["entries"]) == (200, True, 4)
    with closing(sqlite3.connect(api.ctx.ledger.path)) as connection, connection:
        connection.execute("DROP TRIGGER ledger_no_update")
        connection.execute("UPDATE ledger SET actor = 'user:li' WHERE seq = 2")
    verified = (await api.call("POST", f"{URL}/verify"))[1]
    assert (verified["whole"], verified["first_bad"]) == (False, 2) and "columns" in verified["problem"]


async def test_the_clauses_are_listed(api) -> None:
    listed = (await api.call("GET", "/api/v1/clauses"))[1]
    assert {"A2", "N8"} <= {item["id"] for item in listed["items"]}


@pytest.mark.parametrize("query", ["before=9223372036854775808", "before=0", "since=nan", "until=inf", "limit=1001"])
async def test_a_number_no_database_takes_is_a_wrong_question(api, query: str) -> None:
    assert (await api.call("GET", f"/api/v1/ledger?{query}"))[0] == 400
