"""Passwords of accounts: the policy, and argon2id in threads."""

from __future__ import annotations

import asyncio

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

MIN_LENGTH = 10
MAX_LENGTH = 128
_LONG_ENOUGH_ALONE = 20
_COMMON = ("password", "qwerty", "admin", "123456", "abc123", "111111", "gb28181", "gbgateway", "hikvision", "dahua")


def password_problem(password: str, username: str = "") -> tuple[str, str] | None:
    """What the policy has against ``password``, in English and Chinese; None when it is good enough.

    At least ten characters of three kinds (lower case, upper case, digits, others), or twenty of any; not the login
    name, and not one of the passwords everybody tries first with a few characters around it.
    """
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        return f"must have {MIN_LENGTH} to {MAX_LENGTH} characters", f"长度须为 {MIN_LENGTH} 至 {MAX_LENGTH} 个字符"
    lowered = password.lower()
    if username and username.lower() in lowered:
        return "must not contain the login name", "不得包含用户名"
    if len(set(password)) < 5:
        return "has too few different characters", "重复字符过多"
    if any(word in lowered and len(password) - len(word) < 6 for word in _COMMON):
        return "is too common", "密码过于常见"
    kinds = (
        any(char.islower() for char in password),
        any(char.isupper() for char in password),
        any(char.isdigit() for char in password),
        any(not char.isalnum() or ord(char) > 127 for char in password),
    )
    if sum(kinds) < 3 and len(password) < _LONG_ENOUGH_ALONE:
        return (
            "must mix three of: lower case, upper case, digits, other characters",
            "须包含大写字母、小写字母、数字、其他字符中的三类",
        )
    return None


class Passwords:
    """Hashes and checks with argon2id; at most ``parallel`` at a time, since each takes memory and a core."""

    def __init__(self, hasher: PasswordHasher | None = None, *, parallel: int = 2) -> None:
        self._hasher = hasher or PasswordHasher()
        self._turns = asyncio.Semaphore(parallel)
        self._decoy: str | None = None

    async def hash(self, password: str) -> str:
        async with self._turns:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def matches(self, password_hash: str | None, password: str) -> bool:
        """Whether ``password`` is the one hashed; for an unknown account (None) it takes as long and says False."""
        if password_hash is None:
            if self._decoy is None:
                self._decoy = await self.hash("decoy")
            await self._verify(self._decoy, password)
            return False
        return await self._verify(password_hash, password)

    async def _verify(self, password_hash: str, password: str) -> bool:
        async with self._turns:
            try:
                return await asyncio.to_thread(self._hasher.verify, password_hash, password)
            except (VerificationError, InvalidHashError):
                return False
