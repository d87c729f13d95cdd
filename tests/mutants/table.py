"""Single mistakes planted in what goes on the wire, and the test outside the project's own reading that notices each.

A mutant is one replacement in one source file. `killed_by` names the oracles that catch it, all of them; the first is
the one the test suite runs.
"""

from __future__ import annotations

from dataclasses import dataclass

ORACLES = {
    "golden bytes": "tests/wire_oracle/test_golden_bytes.py",
    "byte kit": "tests/wire_oracle/test_wire_kit.py",
    "byte kit around a node": "tests/wire_oracle/test_node.py",
    "sipp": "tests/sipp/test_sipp.py",
    "tshark": "tests/wire_oracle/test_tshark.py",
}
GOLDEN, KIT, NODE, SIPP, TSHARK = ORACLES


@dataclass(frozen=True, slots=True)
class Mutant:
    """`old` must occur exactly once in `path`."""

    name: str
    path: str
    old: str
    new: str
    killed_by: tuple[str, ...]


MUTANTS = (
    Mutant(
        "catalogue elements swapped",
        "sip/manscdp/items.py",
        '    address: str | None = element("Address", default=None, about="安装地址")\n'
        '    parental: int | None = element("Parental", default=None, value=FLAG, about="是否有子设备 1 yes 0 no")\n',
        '    parental: int | None = element("Parental", default=None, value=FLAG, about="是否有子设备 1 yes 0 no")\n'
        '    address: str | None = element("Address", default=None, about="安装地址")\n',
        (KIT, NODE),
    ),
    Mutant("rport left out", "sip/core/client.py", ";rport;branch={branch}", ";branch={branch}", (KIT, NODE)),
    Mutant(
        "digest hashes cnonce before nc",
        "sip/digest.py",
        "{credentials.nc or ''}:{cnonce}:{qop}",
        "{cnonce}:{credentials.nc or ''}:{qop}",
        (GOLDEN, KIT, NODE, SIPP, TSHARK),
    ),
    Mutant("PSM CRC starts at zero", "media/ps/crc.py", "    value = 0xFFFFFFFF\n", "    value = 0\n", (GOLDEN, KIT)),
    Mutant(
        "SCR without its lowest marker",
        "media/ps/bits.py",
        "            0x04 | (base << 3)",
        "            (base << 3)",
        (GOLDEN, KIT),
    ),
    Mutant(
        "SCR behind the frame", "media/ps/muxer.py", "max(0, dts - SCR_LEAD)", "dts + SCR_LEAD", (GOLDEN, KIT, TSHARK)
    ),
    Mutant(
        "PTS without a marker bit",
        "media/ps/bits.py",
        "            (ticks >> 14) & 0xFF | 1,",
        "            (ticks >> 14) & 0xFE,",
        (GOLDEN, KIT),
    ),
    Mutant(
        "PES length one too large",
        "media/ps/pes.py",
        "length = _FLAGS_SIZE + len(stamps) + take",
        "length = _FLAGS_SIZE + len(stamps) + take + 1",
        (GOLDEN, KIT, TSHARK),
    ),
    Mutant(
        "no marker on the last packet",
        "media/ps/packetize.py",
        "marker=index == last",
        "marker=False",
        (GOLDEN, KIT, TSHARK),
    ),
    Mutant("H.265 announced as H.264", "media/es/codecs.py", "0x24", "0x1C", (GOLDEN,)),
    Mutant(
        "SSRC in little endian",
        "media/rtp.py",
        "ssrc & 0xFFFFFFFF)",
        'int.from_bytes((ssrc & 0xFFFFFFFF).to_bytes(4, "little"), "big"))',
        (GOLDEN, KIT, TSHARK),
    ),
    Mutant(
        "RFC 4571 length counts itself",
        "media/rtp_over_tcp.py",
        '    return len(packet).to_bytes(2, "big") + packet',
        '    return (len(packet) + 2).to_bytes(2, "big") + packet',
        (GOLDEN, KIT, TSHARK),
    ),
    Mutant(
        "y= before the attributes",
        "sip/sdp.py",
        '        lines.append(f"y={',
        '        lines.insert(7, f"y={',
        (GOLDEN, KIT, NODE),
    ),
    Mutant(
        "y= without leading zeros", "sip/sdp.py", 'return f"{n:010d}"', 'return f"{n}"', (GOLDEN, KIT, NODE, TSHARK)
    ),
    Mutant(
        "same CSeq on the REGISTER with credentials",
        "gateway/signalling/uplink.py",
        "self._cseq = itertools.count(1)",
        "self._cseq = itertools.repeat(1)",
        (NODE,),
    ),
    Mutant(
        "no To tag in answers",
        "sip/message.py",
        'value = f"{value};tag={to_tag}"',
        "value = str(value)",
        (GOLDEN, KIT, NODE, SIPP, TSHARK),
    ),
    Mutant(
        "Content-Length one too small",
        "sip/message.py",
        "    length = str(len(body))\n",
        "    length = str(max(0, len(body) - 1))\n",
        (GOLDEN, KIT, NODE),
    ),
    Mutant(
        "Via headers of an answer reversed",
        "sip/message.py",
        'for value in asked.get_all("via")]',
        'for value in reversed(asked.get_all("via"))]',
        (GOLDEN, KIT),
    ),
    Mutant(
        "SumNum counts one fragment",
        "gateway/signalling/outbox.py",
        "sum_num=len(items), items=list(part)",
        "sum_num=len(part), items=list(part)",
        (NODE,),
    ),
    Mutant(
        "GB 2312 declared, UTF-8 sent",
        "sip/manscdp/charset.py",
        "return text.encode(charset.codec)",
        'return text.encode("utf-8")',
        (GOLDEN, KIT, NODE),
    ),
    Mutant(
        "PTZ checksum leaves out the first byte",
        "sip/manscdp/ptz.py",
        "bytes((sum(head) & 0xFF,))",
        "bytes((sum(head[1:]) & 0xFF,))",
        (GOLDEN,),
    ),
    Mutant(
        "Date as in RFC 1123",
        "sip/gbdate.py",
        '    return f"{moment:%Y-%m-%dT%H:%M:%S}.{milliseconds % 1000:03d}"',
        '    return f"{moment:%a, %d %b %Y %H:%M:%S} GMT"',
        (GOLDEN, KIT, NODE, SIPP),
    ),
    Mutant(
        "no Expires in the 200 to REGISTER",
        "gateway/signalling/registrar.py",
        'headers += [("Expires", str(granted)), ',
        "headers += [",
        (NODE,),
    ),
    Mutant(
        "no Contact in the 200 to INVITE",
        "gateway/signalling/upper_call.py",
        'headers = [("Contact", contact), ("Content-Type", SDP), (ROUTE_PATH, path)]',
        'headers = [("Content-Type", SDP), (ROUTE_PATH, path)]',
        (NODE,),
    ),
)
