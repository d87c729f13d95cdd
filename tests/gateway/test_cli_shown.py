from __future__ import annotations

import json

import pytest

from gateway.cli_shown import flat, print_json, print_record, print_table


def test_a_table_is_aligned_by_width_on_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"name": "东门", "on": True, "rule": None}, {"name": "abcdef", "on": False, "rule": ["x"], "more": 1}]
    print_table(rows, ("name", "on", "rule"), as_json=False)
    assert capsys.readouterr().out == 'name    on   rule\n东门    yes  -\nabcdef  no   ["x"]\n'


def test_json_keeps_every_field_and_chinese_text(capsys: pytest.CaptureFixture[str]) -> None:
    print_table([{"name": "东门", "more": 1}], ("name",), as_json=True)
    out = capsys.readouterr().out
    assert json.loads(out) == [{"name": "东门", "more": 1}] and "东门" in out
    print_json({"a": 1})
    assert json.loads(capsys.readouterr().out) == {"a": 1}


def test_a_record_is_one_field_a_line_with_times_as_dates(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import time

    monkeypatch.setenv("TZ", "Asia/Shanghai")
    time.tzset()
    print_record({"id": "1", "created_at": 1_700_000_000.0, "locked_until": 0.0, "x": {}, "n": 0.5}, as_json=False)
    out = capsys.readouterr().out
    monkeypatch.undo()
    time.tzset()
    assert out.splitlines() == [
        "id            1",
        "created_at    2023-11-15 06:13:20+08:00",
        "locked_until  -",
        "x             -",
        "n             0.5",
    ]
    print_record({"id": "1"}, as_json=True)
    assert json.loads(capsys.readouterr().out) == {"id": "1"}


def test_names_are_shown_and_do_not_command_the_terminal(capsys) -> None:
    print_record({"name": "\x1b[31m东门\n", "list": ["\x9b"]}, as_json=False)
    assert "\\x1b[31m东门\\n" in (shown := capsys.readouterr().out) and "\x1b" not in shown and "\x9b" not in shown


def test_the_records_in_a_record_stand_beside_its_own_fields(capsys: pytest.CaptureFixture[str]) -> None:
    shown = flat({"id": "1", "clock": {"far_off": True, "offset": 3}, "tags": ["a"], "none": {}})
    assert shown == {"id": "1", "clock.far_off": True, "clock.offset": 3, "tags": ["a"]}
