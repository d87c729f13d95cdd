"""The charset of a body is what its bytes say, not what it declares."""

from __future__ import annotations

import random

import pytest

from sip.manscdp.charset import Charset, decode, encode, remembered

GB_DECLARATION = b'<?xml version="1.0" encoding="GB2312"?>'


def body(raw: bytes, declaration: bytes = GB_DECLARATION) -> bytes:
    return declaration + b"<Response><DeviceName>" + raw + b"</DeviceName></Response>"


def name_in(text: str) -> str:
    return text.partition("<DeviceName>")[2].partition("</DeviceName>")[0]


def gb2312_hanzi() -> list[str]:
    return [
        bytes((row, cell)).decode("gb2312")
        for row in range(0xB0, 0xF8)
        for cell in range(0xA1, 0xFF)
        if not (row == 0xD7 and cell > 0xF9)
    ]


def ambiguous_hanzi() -> list[str]:
    found = []
    for hanzi in gb2312_hanzi():
        try:
            hanzi.encode("gb2312").decode("utf-8")
        except UnicodeDecodeError:
            continue
        found.append(hanzi)
    return found


def test_there_are_6763_hanzi_of_which_930_are_also_utf8() -> None:
    assert len(gb2312_hanzi()) == 6763
    assert len(ambiguous_hanzi()) == 930


@pytest.mark.parametrize("hint", [None, Charset.GB18030])
def test_the_hanzi_mo_alone_in_a_gb2312_body_is_not_read_as_a_latin_letter(hint: Charset | None) -> None:
    decoded = decode(body(b"\xc4\xa3"), hint)
    assert name_in(decoded.text) == "模"
    assert decoded.charset is Charset.GB18030
    assert not decoded.proven


def test_each_of_the_930_ambiguous_hanzi_alone_is_read_right_without_a_hint() -> None:
    wrong = [h for h in ambiguous_hanzi() if name_in(decode(body(h.encode("gb2312"))).text) != h]
    assert wrong == []


def test_pairs_of_ambiguous_hanzi_are_read_right_without_a_hint() -> None:
    chosen = random.Random(7)
    hanzi = ambiguous_hanzi()
    for _ in range(500):
        name = "".join(chosen.choices(hanzi, k=chosen.randint(2, 6)))
        assert name_in(decode(body(name.encode("gb2312"))).text) == name


def test_each_rare_hanzi_of_gbk_that_is_also_utf8_is_read_right() -> None:
    rare = [bytes((lead, trail)) for lead in range(0xC2, 0xE0) for trail in range(0x80, 0xA1)]
    assert [raw for raw in rare if name_in(decode(body(raw)).text) != raw.decode("gb18030")] == []


def test_two_hanzi_that_read_as_one_rare_hanzi_in_utf8_are_two() -> None:
    assert b"\xf0\xa1\xb0\xa1".decode("utf-8") == "\U00021c21"
    assert name_in(decode(body(b"\xf0\xa1\xb0\xa1")).text) == b"\xf0\xa1\xb0\xa1".decode("gb2312")


def test_an_emoji_stays_an_emoji() -> None:
    assert name_in(decode(body("📷".encode())).text) == "📷"


def test_an_undeclared_ambiguous_body_is_gb18030() -> None:
    assert name_in(decode(body(b"\xc4\xa3", b"")).text) == "模"


def test_an_ambiguous_body_declared_utf8_is_utf8() -> None:
    decoded = decode(body(b"\xc4\xa3", b'<?xml version="1.0" encoding="UTF-8"?>'))
    assert name_in(decoded.text) == "ģ"


def test_a_hint_of_gb18030_beats_a_utf8_declaration_for_an_ambiguous_body() -> None:
    decoded = decode(body(b"\xc4\xa3", b'<?xml version="1.0" encoding="utf-8"?>'), Charset.GB18030)
    assert name_in(decoded.text) == "模"


def test_a_hint_of_utf8_settles_an_ambiguous_body() -> None:
    assert name_in(decode(body("é".encode()), Charset.UTF_8).text) == "é"


def test_every_hanzi_sent_as_utf8_but_declared_gb2312_is_read_right() -> None:
    wrong = [h for h in gb2312_hanzi() if name_in(decode(body(h.encode())).text) != h]
    assert wrong == []


def test_utf8_names_declared_gb2312_are_read_right_even_where_they_are_also_gb2312() -> None:
    chosen = random.Random(11)
    hanzi = gb2312_hanzi()
    for _ in range(3000):
        name = "".join(chosen.choices(hanzi, k=chosen.randint(1, 6)))
        assert name_in(decode(body(name.encode())).text) == name


def test_gb2312_names_are_misread_without_a_hint_far_less_than_by_utf8_first_alone_and_never_with_one() -> None:
    chosen = random.Random(13)
    hanzi = gb2312_hanzi()
    names = ["".join(chosen.choices(hanzi, k=chosen.randint(1, 6))) for _ in range(5000)]
    bodies = [body(name.encode("gb2312")) for name in names]
    wrong = sum(1 for name, raw in zip(names, bodies, strict=True) if name_in(decode(raw).text) != name)
    assert wrong <= 5  # UTF-8 first alone misreads about 130 of these
    assert all(name_in(decode(raw, Charset.GB18030).text) == name for name, raw in zip(names, bodies, strict=True))


def test_an_uighur_name_in_utf8_declared_gb2312_stays_utf8() -> None:
    assert name_in(decode(body("ئۈرۈمچى شەھىرى".encode())).text) == "ئۈرۈمچى شەھىرى"


def test_a_hint_of_gb18030_settles_bytes_beyond_gb2312_too() -> None:
    assert decode(body("Дверь".encode()), Charset.GB18030).charset is Charset.GB18030
    assert name_in(decode(body("Дверь".encode())).text) == "Дверь"


def test_a_utf8_hint_does_not_hide_a_body_that_is_plainly_gb18030() -> None:
    decoded = decode(body("东门".encode("gb18030")), Charset.UTF_8)
    assert name_in(decoded.text) == "东门"
    assert decoded.proven and decoded.charset is Charset.GB18030


def test_characters_beyond_gb2312_are_read_under_a_gb2312_label() -> None:
    assert name_in(decode(body("朱镕基𠮷".encode("gb18030"))).text) == "朱镕基𠮷"


def test_gbk_bytes_under_a_utf8_label_are_read() -> None:
    decoded = decode(body("东门枪机".encode("gbk"), b"<?xml version='1.0' encoding='UTF-8'?>"))
    assert name_in(decoded.text) == "东门枪机"
    assert decoded.declared == "UTF-8"


def test_a_byte_order_mark_means_utf8_and_is_dropped() -> None:
    decoded = decode(b"\xef\xbb\xbf" + body("模".encode()))
    assert decoded.charset is Charset.UTF_8 and decoded.proven
    assert decoded.text.startswith("<?xml")


def test_ascii_proves_nothing() -> None:
    assert not decode(body(b"door")).proven
    assert decode(body(b"door")).charset is Charset.GB18030
    assert decode(body(b"door", b'<?xml version="1.0" encoding="utf-8"?>')).charset is Charset.UTF_8


def test_undecodable_bytes_are_replaced_and_counted() -> None:
    decoded = decode(body(b"\xb6\xab\xff\xff\xc3\xc5"))
    assert decoded.replaced == 2
    assert "东" in decoded.text


def test_a_name_cut_inside_a_utf8_character_does_not_turn_its_neighbours_into_mojibake() -> None:
    decoded = decode(body("东门入口枪机摄像头".encode()[:-1]))
    assert decoded.charset is Charset.UTF_8
    assert name_in(decoded.text) == "东门入口枪机摄像\ufffd"
    assert decoded.replaced == 1 and not decoded.proven


def test_only_a_proven_body_changes_what_is_remembered_of_a_peer() -> None:
    assert remembered(None, Charset.GB18030, True) is Charset.GB18030
    assert remembered(Charset.GB18030, Charset.UTF_8, False) is Charset.GB18030
    assert remembered(Charset.GB18030, Charset.UTF_8, True) is Charset.UTF_8


def test_gb2312_is_only_a_label_for_gb18030() -> None:
    assert encode("镕", Charset.GB2312) == b"\xe9F"
    assert encode("东", Charset.GB18030) == b"\xb6\xab"
    assert encode("东", Charset.UTF_8) == b"\xe4\xb8\x9c"
