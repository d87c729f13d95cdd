"""The codes under which objects are shown to an upper platform, kept apart from their real ones.

An object keeps its own code where it can. Where that is no code of the standard, or another object has it already, it
is given a new one, for good: an upper platform must never find another camera behind a code it knows.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from hashlib import blake2b

from catalog.code import SERIAL_LIMIT, DeviceCode, type_of
from catalog.item import ChannelKey

_DEFAULT_TYPE = 132
"""Type code for an object whose own code does not tell: a network camera."""


class OutOfCodes(Exception):
    """Every serial number of a type is given out under this system code."""

    def __init__(self, system_code: str, type_code: int) -> None:
        super().__init__(f"no code of type {type_code} left under {system_code}")
        self.system_code = system_code
        self.type_code = type_code


class PublishedIds:
    """The given and the newly given codes towards one upper platform."""

    def __init__(
        self,
        given: Mapping[ChannelKey, str],
        *,
        system_code: str,
        real: Collection[str],
        reserved: Collection[str] = (),
    ) -> None:
        """`given` as stored, `reserved` codes nothing may get, `real` codes that new ones must stay clear of."""
        self.system_code = system_code
        self.new: dict[ChannelKey, str] = {}
        self._given = given
        self._real = real
        self._taken = {system_code, *reserved, *given.values()}

    def assign(self, key: ChannelKey) -> str:
        """The code of an object towards the upper platform: the one it has, or from now on has. Raises OutOfCodes."""
        known = self._given.get(key) or self.new.get(key)
        if known is not None:
            return known
        own = type_of(key.code) is not None and key.code not in self._taken
        published = key.code if own else self._allocate(key)
        self._taken.add(published)
        self.new[key] = published
        return published

    def _allocate(self, key: ChannelKey) -> str:
        system = DeviceCode.parse(self.system_code)
        type_code = type_of(key.code) or _DEFAULT_TYPE
        # Starting from a hash of the key, not from the last one: the result does not depend on the order of objects.
        seed = int.from_bytes(blake2b("\0".join(key).encode(), digest_size=8).digest())
        for step in range(SERIAL_LIMIT):
            code = DeviceCode.compose(
                centre=system.centre,
                industry=system.industry or "00",
                type_code=type_code,
                network=system.network or "0",
                serial=(seed + step) % SERIAL_LIMIT,
            ).text
            if code not in self._taken and code not in self._real:
                return code
        raise OutOfCodes(self.system_code, type_code)
