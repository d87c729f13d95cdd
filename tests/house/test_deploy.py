"""The files of deploy/: good for systemd, and in step with the program's own figures."""

from __future__ import annotations

import re
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest

from gateway.config import Config
from gateway.open_files import files_needed
from gateway.operations.checks.finding import Level
from gateway.operations.checks.machine import check_buffers, check_media_ports
from gateway.operations.stopping import STOP_WITHIN_S, WORKERS_WITHIN_S
from tools.pages.commands import declared_commands

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
UNITS = sorted(path.name for path in (DEPLOY / "systemd").iterdir() if path.suffix in (".service", ".timer"))
PROGRAM = "/opt/gbgateway/bin/gbgateway"


@pytest.fixture
def service() -> dict[str, str]:
    """[Service] of the node's unit; of a key that is there twice, the last."""
    unit = ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(DEPLOY / "systemd" / "gbgateway.service")
    return dict(unit["Service"])


@pytest.mark.systemd
@pytest.mark.parametrize("name", UNITS)
def test_systemd_finds_nothing_wrong_with_a_unit(name: str, tmp_path: Path) -> None:
    for unit in UNITS:
        text = (DEPLOY / "systemd" / unit).read_text("utf-8").replace(PROGRAM, sys.executable)
        (tmp_path / unit).write_text(text.replace("/usr/bin/find", sys.executable), "utf-8")
    command = ["systemd-analyze", "verify", "--man=no", str(tmp_path / name)]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")


@pytest.mark.systemd
def test_the_node_is_shut_in() -> None:
    unit = str(DEPLOY / "systemd" / "gbgateway.service")
    command = ["systemd-analyze", "security", "--offline=true", "--threshold=25", unit]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout[-2000:]


def test_workers_survive_a_crash_which_is_over_before_they_give_up(service: dict[str, str]) -> None:
    assert service["KillMode"] == "process" and service["Restart"] == "on-failure" and service["Type"] == "notify"
    assert float(service["RestartSec"]) + float(service["WatchdogSec"]) / 3 < Config().media.orphan_seconds


def test_systemd_waits_for_an_orderly_stop(service: dict[str, str]) -> None:
    assert float(service["TimeoutStopSec"]) > STOP_WITHIN_S + WORKERS_WITHIN_S


def test_the_service_may_open_what_the_defaults_need(service: dict[str, str]) -> None:
    assert int(service["LimitNOFILE"]) >= max(files_needed(Config()).values())


def test_the_data_directory_of_the_service_is_the_default(service: dict[str, str]) -> None:
    assert Path("/var/lib", service["StateDirectory"]) == Config().node.data_dir


@pytest.mark.parametrize("name", UNITS)
def test_the_commands_of_the_units_exist(name: str) -> None:
    text = (DEPLOY / "systemd" / name).read_text("utf-8")
    for command in re.findall(rf"^Exec\w+={PROGRAM} ([a-z-]+)", text, re.MULTILINE):
        assert f"gbgateway {command}" in declared_commands()


def test_the_kernel_settings_are_those_the_self_check_asks_for(tmp_path: Path) -> None:
    text = (DEPLOY / "sysctl" / "90-gbgateway.conf").read_text("utf-8")
    for key, value in re.findall(r"^([\w.]+) = (\S+)$", text, re.MULTILINE):
        file = tmp_path / key.replace(".", "/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(value)
    (tmp_path / "net/ipv4/ip_local_port_range").write_text("32768\t60999")
    found = [*check_buffers(tmp_path), *check_media_ports(Config(), tmp_path)]
    assert [one.level for one in found] == [Level.OK] * 4


def test_the_worker_logs_that_are_rotated_are_where_workers_write() -> None:
    rotated = (DEPLOY / "logrotate" / "gbgateway").read_text("utf-8")
    assert f"{Config().node.data_dir}/run/*.log {{" in rotated and "copytruncate" in rotated


def test_the_readme_names_every_file() -> None:
    text = (DEPLOY / "README.md").read_text("utf-8")
    for path in DEPLOY.rglob("*"):
        if path.is_file() and path.name != "README.md":
            assert path.stem.removesuffix(".conf") in text
