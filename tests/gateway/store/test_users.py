from __future__ import annotations

import hashlib

from gateway.store.users import Token, Tokens, User, Users, token_digest


def token(name: str, user: str = "wang", kind: str = "session", expires_at: float = 100.0) -> Token:
    return Token(name, user, kind, token_digest(name), "viewer", 0.0, expires_at)  # type: ignore[arg-type]


async def test_users_are_read_back_and_the_administrators_told_apart(database, box) -> None:
    users = await Users(database, box).load()
    for user in (
        User("a", role="admin"),
        User("b", role="admin", enabled=False),
        User("c", password_hash="$argon2id$x"),
    ):
        await users.create(user)
    again = await Users(database, box).load()
    assert again.all() == users.all() and [user.id for user in again.admins()] == ["a"]
    assert "argon2" not in repr(again.require("c"))


def test_of_a_token_only_its_sha_256_is_kept() -> None:
    assert token_digest("abc") == hashlib.sha256(b"abc").hexdigest()
    assert token_digest("abc") not in repr(token("abc"))


async def test_tokens_are_found_by_digest_until_they_are_gone(database, box) -> None:
    users, tokens = await Users(database, box).load(), await Tokens(database, box).load()
    await users.create(User("wang"))
    await tokens.create(token("t1"))
    again = await Tokens(database, box).load()
    assert again.by_digest(token_digest("t1")) == token("t1") and again.by_digest("x") is None
    await again.update("t1", token_sha256=token_digest("other"))
    assert again.by_digest(token_digest("t1")) is None and again.by_digest(token_digest("other")) is not None
    await again.delete("t1")
    assert again.by_digest(token_digest("other")) is None


async def test_expired_tokens_and_sessions_are_swept_keys_stay(database, box) -> None:
    users, tokens = await Users(database, box).load(), await Tokens(database, box).load()
    await users.create(User("wang"))
    for item in (token("old", expires_at=10.0), token("s"), token("k", kind="key")):
        await tokens.create(item)
    assert await tokens.delete_expired(10.0) == 1
    assert await tokens.delete_sessions("wang") == 1 and await tokens.delete_sessions("li") == 0
    assert [item.id for item in tokens] == ["k"]


async def test_with_an_account_its_tokens_are_gone_in_memory_and_on_disk(database, box) -> None:
    users, tokens = await Users(database, box).load(), await Tokens(database, box).load()
    users.on_change(tokens.forget_user)
    gone: list[str] = []
    tokens.on_change(lambda change: gone.append(change.id) if change.after is None else None)
    await users.create(User("wang"))
    await users.create(User("li"))
    for item in (token("t1"), token("t2", "li")):
        await tokens.create(item)
    await users.delete("wang")
    assert gone == ["t1"] and tokens.by_digest(token_digest("t1")) is None
    assert [item.id for item in await Tokens(database, box).load()] == ["t2"]
