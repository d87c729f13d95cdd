from __future__ import annotations

import pytest
from argon2 import PasswordHasher

from gateway.web.passwords import Passwords, password_problem


@pytest.mark.parametrize(
    ("password", "username", "word"),
    [
        ("Ab1!short", "", "10 to 128"),
        ("Ab1!" * 33, "", "10 to 128"),
        ("Xx9-wangwei-q", "WangWei", "login name"),
        ("Aa1Aa1Aa1Aa1", "", "few different"),
        ("Password123!", "", "common"),
        ("onlylowercase", "", "mix three"),
        ("lower12345987", "", "mix three"),
    ],
)
def test_a_weak_password_is_told_what_is_wrong_with_it(password: str, username: str, word: str) -> None:
    problem = password_problem(password, username)
    assert problem is not None and word in problem[0] and problem[1]


@pytest.mark.parametrize("password", ["Correct-Horse-7", "four plain words are fine", "密码aB足够长的一个呀"])
def test_a_good_password_passes(password: str) -> None:
    assert password_problem(password, "wang") is None


async def test_a_hash_is_argon2id_and_matches_only_its_password() -> None:
    passwords = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    hashed = await passwords.hash("Correct-Horse-7")
    assert hashed.startswith("$argon2id$")
    assert await passwords.matches(hashed, "Correct-Horse-7")
    assert not await passwords.matches(hashed, "correct-horse-7")
    assert not await passwords.matches("not a hash", "Correct-Horse-7")


async def test_an_unknown_account_matches_nothing_but_is_computed_all_the_same() -> None:
    class Counting(PasswordHasher):
        verified = 0

        def verify(self, hash: str | bytes, password: str | bytes) -> bool:
            Counting.verified += 1
            return super().verify(hash, password)  # type: ignore[return-value]

    passwords = Passwords(Counting(time_cost=1, memory_cost=8, parallelism=1))
    assert not await passwords.matches(None, "decoy")
    assert not await passwords.matches(None, "other")
    assert Counting.verified == 2
