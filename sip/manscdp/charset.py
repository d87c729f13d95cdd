"""Which charset a body really is in (信令字符集: GB/T 28181-2016 6.10 GB 2312 should, 2022 6.10 GB 18030 shall).

Declarations lie in both directions, so the bytes decide, in this order:

1. a UTF-8 byte order mark;
2. bytes that are not strict UTF-8 are GB 18030 (of which GBK and GB 2312 are parts), replacing what is broken,
   unless their UTF-8 reading has at least four whole hanzi to each broken character;
3. strict UTF-8 is UTF-8 unless it is *ambiguous*: strict GB 2312 as well, or without a single three-byte sequence,
   as all hanzi are in UTF-8. 930 of the 6,763 hanzi of GB 2312 are, alone, also UTF-8 (`模` = C4 A3 reads as `ģ`),
   always as two-byte sequences, U+0080 to U+07FF; 960 rare ones of GBK are too. An ambiguous body is
   a. what the peer's earlier bodies proved to be (`hint`), else
   b. UTF-8 when declared so, or when its UTF-8 reading is Chinese text (hanzi and their punctuation), or, for bytes
      beyond GB 2312, words of three or more letters of one alphabet (ئۈرۈمچى), else
   c. GB 18030: accented Latin, Greek or Cyrillic letters that happen to be hanzi are hanzi.

What is left wrong without a hint: runs of three hanzi that read as two other hanzi in UTF-8, alone in a body.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum


class Charset(StrEnum):
    """A charset, by the label written into the XML declaration. GB2312 is only a label: its codec is GB 18030."""

    UTF_8 = "UTF-8"
    GB18030 = "GB18030"
    GB2312 = "GB2312"

    @property
    def codec(self) -> str:
        """Name of the Python codec to encode with."""
        return "utf-8" if self is Charset.UTF_8 else "gb18030"


@dataclass(frozen=True, slots=True)
class Decoded:
    """A decoded body.

    charset: UTF_8 or GB18030, what it was decoded as. declared: the label in the XML declaration ("" without).
    proven: the bytes leave no doubt; worth remembering as the peer's hint. replaced: undecodable bytes replaced.
    """

    text: str
    charset: Charset
    declared: str
    proven: bool
    replaced: int


_BOM = b"\xef\xbb\xbf"
_LABEL = re.compile(rb"<\?xml[^>]{0,200}?encoding\s*=\s*[\"']?([A-Za-z0-9._-]{1,20})", re.IGNORECASE)
_GB = re.compile(r"GB|HZ|CP936|MS936", re.IGNORECASE)
# Hanzi and what stands beside them in a Chinese name: CJK blocks, full-width forms, general punctuation, and the
# few two-byte signs · ° ± × ÷ § of UTF-8. Rare hanzi beyond the BMP are left out: two common hanzi of GB 2312 can
# read as one of them.
_CHINESE = re.compile(
    "[\u0000-\u007f\u00a0\u00a7\u00b0\u00b1\u00b7\u00d7\u00f7\u2000-\u206f\u2100-\u2bff\u2e80-\u9fff\uf900-\ufaff"
    "\ufe30-\ufe4f\uff00-\uffef]*\\Z"
)
_HANZI = re.compile("[\u4e00-\u9fff]")
_WHOLE_PER_BROKEN = 4
# No three-byte sequence, and no emoji, whose GBK reading is nonsense.
_WITHOUT_THREE_BYTES = re.compile("[\u0000-\u07ff\U00010000-\U0001efff\U0001fb00-\U0010ffff]*\\Z")
_OTHER_LETTERS = re.compile("[^\u0000-\u007f]+")
_ALPHABETS = re.compile("(?:[\u0370-\u03ff]{3,}|[\u0400-\u052f]{3,}|[\u0590-\u05ff]{3,}|[\u0600-\u06ff]{3,})\\Z")


def decode(body: bytes, hint: Charset | None = None) -> Decoded:
    """Decodes a body by the rule above; never fails. `hint`: the charset this peer's bodies proved to be in."""
    match = _LABEL.search(body[:300])
    declared = match[1].decode("ascii").upper() if match else ""
    if body.startswith(_BOM):
        text = body[len(_BOM) :].decode("utf-8", "replace")
        return Decoded(text, Charset.UTF_8, declared, True, _replacements(text))
    if body.isascii():
        charset = Charset.UTF_8 if declared.startswith("UTF") else Charset.GB18030
        return Decoded(body.decode("ascii"), charset, declared, False, 0)
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        return _damaged_utf8(body, declared) or _decode_gb(body, declared, proven=True)
    strict = _is_gb2312(body)
    if not strict and _WITHOUT_THREE_BYTES.match(text) is None:
        return Decoded(text, Charset.UTF_8, declared, True, 0)
    if _prefers_gb(text, declared, hint, strict):
        return _decode_gb(body, declared, proven=False)
    return Decoded(text, Charset.UTF_8, declared, False, 0)


def remembered(hint: Charset | None, decoded_as: Charset, proven: bool) -> Charset | None:
    """The hint to keep for a peer after one more body."""
    return decoded_as if proven else hint


def encode(text: str, charset: Charset) -> bytes:
    """Encodes for a peer. Characters beyond GB 2312 go out as GB 18030 under either GB label."""
    return text.encode(charset.codec)


def _prefers_gb(text: str, declared: str, hint: Charset | None, strict: bool) -> bool:
    """Settles an ambiguous body. strict: it is GB 2312, not just GB 18030."""
    if hint is not None:
        return hint is not Charset.UTF_8
    if declared and _GB.match(declared) is None:
        return False
    if not strict:
        return not all(_ALPHABETS.match(word[0]) for word in _OTHER_LETTERS.finditer(text))
    # `·` alone is C2 B7, which is also 路: signs by themselves are not Chinese text, hanzi are more likely.
    return _CHINESE.match(text) is None or _WITHOUT_THREE_BYTES.match(text) is not None


def _is_gb2312(body: bytes) -> bool:
    try:
        body.decode("gb2312")
    except UnicodeDecodeError:
        return False
    return True


def _decode_gb(body: bytes, declared: str, *, proven: bool) -> Decoded:
    try:
        return Decoded(body.decode("gb18030"), Charset.GB18030, declared, proven, 0)
    except UnicodeDecodeError:
        text = body.decode("gb18030", "replace")
        return Decoded(text, Charset.GB18030, declared, proven, _replacements(text))


def _damaged_utf8(body: bytes, declared: str) -> Decoded | None:
    """UTF-8 in which a device cut a name in the middle of a character: many whole hanzi to each broken one."""
    text = body.decode("utf-8", "replace")
    broken = _replacements(text)
    if len(_HANZI.findall(text)) < _WHOLE_PER_BROKEN * broken:
        return None
    return Decoded(text, Charset.UTF_8, declared, False, broken)


def _replacements(text: str) -> int:
    return text.count("\ufffd")
