from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from gateway.operations.manifest import BadBackup, Manifest, Part

MANIFEST = Manifest(
    made_at="2023-11-14T22:13:20+00:00",
    node_id="34020000002000000001",
    node_name="市局",
    schema="0004",
    ledger_entries=2,
    ledger_head="ab",
    ledger_signed=1,
    counts={"devices": 3},
    versions={"python": "3.11"},
    parts={"ledger.db": Part(5, "00")},
)


def test_a_manifest_is_json_that_people_can_read_too() -> None:
    text = MANIFEST.encode().decode()
    assert '\n  "node_name": "市局"' in text
    document = json.loads(text)
    assert document["format"] == 1 and document["parts"]["ledger.db"] == {"bytes": 5, "sha256": "00"}
    assert Manifest.decode(text.encode()) == MANIFEST


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "cannot be read"),
        (b"[]", "format None"),
        (b'{"format": 2}', "format 2"),
        (b'{"format": 1}', "made_at"),
        (MANIFEST.encode().replace(b'"0004"', b"4"), "schema"),
    ],
)
def test_what_is_no_manifest_of_this_format_is_refused(content: bytes, problem: str) -> None:
    with pytest.raises(BadBackup, match=problem):
        Manifest.decode(content)


def test_a_part_is_known_by_size_and_hash(tmp_path: Path) -> None:
    file = tmp_path / "f"
    content = b"x" * 1_500_000
    file.write_bytes(content)
    assert Part.of(file) == Part(1_500_000, hashlib.sha256(content).hexdigest())
