from __future__ import annotations

import os
import pwd
import shutil
from pathlib import Path

import pytest

from gateway.operations.checks.finding import Finding, Level
from gateway.operations.checks.storage import check_storage, speed_of
from gateway.operations.occupancy import UNFINISHED_FILE


@pytest.fixture
def data(tmp_path: Path) -> Path:
    place = tmp_path / "data"
    place.mkdir(mode=0o700)
    return place


def bad(found: list[Finding]) -> list[Finding]:
    return [one for one in found if one.level is not Level.OK and one.subject != "disk speed"]


def test_a_private_directory_of_this_account_is_good(data: Path) -> None:
    found = check_storage(data)
    assert not bad(found)
    assert [one.subject for one in found][-1] == "disk speed" and "MB/s" in found[-1].text
    assert not list(data.iterdir()), "nothing is left behind"


def test_a_directory_that_is_not_there_yet_is_made_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "first start" in check_storage(tmp_path / "a" / "b")[0].text
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    [found] = check_storage(tmp_path / "a" / "b")
    assert found.level is Level.PROBLEM and "install -d -m 700" in found.change


def test_what_is_open_to_others_is_told(data: Path) -> None:
    data.chmod(0o755)
    (data / "secret.key").touch(0o600)
    (data / "ledger-signing.key").touch()
    (data / "ledger-signing.key").chmod(0o644)
    directory, key = bad(check_storage(data))
    assert directory.level is Level.WARNING and "chmod 700" in directory.change
    assert key.level is Level.PROBLEM and "ledger-signing.key" in key.text


def test_files_of_another_account_are_in_the_way(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Path.lstat
    (data / "gateway.db").touch()

    class Foreign:
        st_uid = 4_000_000_000

    monkeypatch.setattr(Path, "lstat", lambda path: Foreign() if path.name == "gateway.db" else real(path))
    [found] = bad(check_storage(data))
    assert "gateway.db does not belong to" in found.text and "chown" in found.change


def test_who_is_neither_the_owner_nor_root_is_told_to_become_the_owner(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 4_000_000_000)
    [found] = bad(check_storage(data))
    owner = pwd.getpwuid(data.stat().st_uid).pw_name
    assert found.level is Level.PROBLEM and f"sudo -u {owner}" in found.change and "4000000000" in found.text


@pytest.mark.parametrize(("free", "level"), [(1 << 20, Level.PROBLEM), (1 << 30, Level.WARNING), (1 << 40, Level.OK)])
def test_room_is_said_in_gigabytes(free: int, level: Level, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(data)._replace(free=free)
    monkeypatch.setattr(shutil, "disk_usage", lambda place: usage)
    [found] = [one for one in check_storage(data) if one.subject == "disk space"]
    assert found.level is level and "GB free" in found.text


def test_a_path_too_long_for_sockets_says_where_they_are(tmp_path: Path) -> None:
    place = tmp_path / ("x" * 90)
    place.mkdir(mode=0o700)
    [found] = bad(check_storage(place))
    assert found.subject == "worker sockets" and found.level is Level.WARNING
    (place / "run-directory").write_text("/run/user/1/gbgateway-ab\n")
    assert any("/run/user/1/gbgateway-ab" in one.text for one in check_storage(place)) and not bad(check_storage(place))


def test_half_a_restore_is_in_the_way(data: Path) -> None:
    (data / UNFINISHED_FILE).touch()
    [found] = bad(check_storage(data))
    assert found.level is Level.PROBLEM and "restore --replace" in found.change


def test_the_speed_of_a_disk_has_a_class() -> None:
    for commit_s, rate, level, word in (
        (0.001, 500e6, Level.OK, "fast"),
        (0.010, 500e6, Level.OK, "good enough"),
        (0.040, 500e6, Level.WARNING, "slow"),
        (0.001, 5e6, Level.WARNING, "slow"),
    ):
        [found] = speed_of(commit_s, rate)
        assert found.level is level and found.text.startswith(word)


def test_a_disk_that_cannot_be_written_is_in_the_way(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fdatasync", full)
    found = check_storage(data)[-1]
    assert found.level is Level.PROBLEM and "No space left" in found.text and not list(data.iterdir())
