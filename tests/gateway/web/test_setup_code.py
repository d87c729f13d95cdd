from __future__ import annotations

from pathlib import Path

from gateway.store.stores import Stores
from gateway.store.users import User
from gateway.web.setup_code import MAX_WRONG, SetupCode


async def test_a_code_is_announced_only_while_no_account_exists(tmp_path: Path) -> None:
    stores = await Stores.open(tmp_path)
    shown: list[str] = []
    code = SetupCode(stores.users, shown.append)
    assert code.needed and not code.matches("anything")
    code.start()
    assert len(shown) == 1 and len(shown[0]) == 23
    assert code.matches(shown[0]) and code.matches(shown[0].lower().replace("-", ""))
    await stores.users.create(User("chief"))
    assert not code.needed and not code.matches(shown[0])
    code.start()
    assert len(shown) == 1
    await stores.close()


async def test_after_ten_wrong_tries_another_code_counts(tmp_path: Path) -> None:
    stores = await Stores.open(tmp_path)
    shown: list[str] = []
    code = SetupCode(stores.users, shown.append)
    code.start()
    for _ in range(MAX_WRONG):
        assert not code.matches("WRONG")
    assert len(shown) == 2 and shown[0] != shown[1]
    assert not code.matches(shown[0]) and code.matches(shown[1])
    code.spent()
    assert not code.matches(shown[1])
    await stores.close()
