"""Bit reading of NAL unit payloads (ITU-T H.264 7.2, 9.1)."""

from __future__ import annotations


def unescape(data: bytes) -> bytes:
    """Remove emulation prevention: 00 00 03 becomes 00 00."""
    return data.replace(b"\x00\x00\x03", b"\x00\x00")


class BitReader:
    """Reads big-endian bit fields. EOFError when the data ends (also for an absurd Exp-Golomb length)."""

    __slots__ = ("_bits", "_left")

    def __init__(self, data: bytes) -> None:
        self._bits = int.from_bytes(data, "big")
        self._left = 8 * len(data)

    def bits(self, count: int) -> int:
        """Unsigned field of ``count`` bits."""
        if count > self._left:
            raise EOFError("bit field beyond the data")
        self._left -= count
        return (self._bits >> self._left) & ((1 << count) - 1)

    def skip(self, count: int) -> None:
        """Pass over ``count`` bits."""
        self.bits(count)

    def ue(self) -> int:
        """Unsigned Exp-Golomb number."""
        zeros = 0
        while self.bits(1) == 0:
            zeros += 1
            if zeros > 32:
                raise EOFError("Exp-Golomb code too long")
        return (1 << zeros) - 1 + self.bits(zeros)

    def se(self) -> int:
        """Signed Exp-Golomb number."""
        code = self.ue()
        return (code + 1) // 2 if code & 1 else -(code // 2)
