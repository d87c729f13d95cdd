from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.config import Config
from gateway.config_zones import ZoneConfig
from gateway.operations.checks import ports
from gateway.operations.checks.finding import Finding, Level
from gateway.operations.checks.ports import check_ports, endpoints, own_processes
from gateway.operations.occupancy import LOCK_FILE, occupied
from interop.demo.ports import free_port, free_range


def configured(data_dir: Path, **ports_of: int) -> Config:
    base = Config()
    first, last = free_range(32, set())
    return replace(
        base,
        node=replace(base.node, data_dir=data_dir),
        sip=replace(base.sip, host="127.0.0.1", port=ports_of.get("sip", 0)),
        http=replace(base.http, port=ports_of.get("http", 0)),
        media=replace(base.media, host="127.0.0.1", port_min=first, port_max=last, http_port=ports_of.get("media", 0)),
    )


def of(found: list[Finding], subject: str) -> list[Finding]:
    return [one for one in found if one.subject == subject]


def test_free_ports_are_good_and_chosen_ones_are_not_looked_for(tmp_path: Path) -> None:
    config = configured(tmp_path, sip=free_port(), http=free_port(), media=free_port())
    found = check_ports(config)
    assert {one.level for one in found} == {Level.OK}
    assert [one.subject for one in found] == ["sip.port", "sip.port", "http.port", "media.http_port", "media.port_min"]
    assert list(endpoints(configured(tmp_path))) == []


def test_a_port_of_another_program_is_in_the_way(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        udp, tcp = of(check_ports(configured(tmp_path, sip=port)), "sip.port")
    assert udp.level is Level.PROBLEM and "ss -lnpu" in udp.change and tcp.level is Level.OK


def test_a_port_of_our_running_node_is_good_and_of_another_program_beside_it_is_not(tmp_path: Path) -> None:
    with occupied(tmp_path), socket.create_server(("127.0.0.1", 0)) as own:
        [mine] = of(check_ports(configured(tmp_path, http=own.getsockname()[1])), "http.port")
        assert mine.level is Level.OK and "this node, which is running" in mine.text
        listen = (
            "import socket, sys; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True);"
        )
        program = [sys.executable, "-c", f"{listen} sys.stdin.read()"]
        with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            [other] = of(check_ports(configured(tmp_path, http=int(process.stdout.readline()))), "http.port")
    assert other.level is Level.PROBLEM and "another program than the running node" in other.text


def test_the_processes_of_a_node_are_it_and_who_serves_its_worker_sockets(tmp_path: Path) -> None:
    data, proc = tmp_path / "data", tmp_path / "proc"
    lines = {
        "11": f"python\0-m\0media.worker.relay\0--socket\0{data}/run/relay-1.sock\0",
        "12": "python\0-m\0media.worker.stream\0--socket\0/tmp/short/stream-1.sock\0",
        "13": "python\0-m\0media.worker.relay\0--socket\0/elsewhere/run/relay-1.sock\0",
        "self": f"{data}/run/",
    }
    for name, line in lines.items():
        (proc / name).mkdir(parents=True)
        (proc / name / "cmdline").write_text(line)
    (proc / "14").mkdir()
    assert own_processes(data, proc) == frozenset()
    with occupied(data):
        (data / "run-directory").write_text("/tmp/short\n")
        assert own_processes(data, proc) == {os.getpid(), 11, 12}
        (data / LOCK_FILE).write_text("")
        assert own_processes(data, proc) == frozenset()


def test_the_addresses_of_each_zone_are_tried_and_shared_ones_once(tmp_path: Path) -> None:
    base = configured(tmp_path, sip=free_port())
    first, last = free_range(32, set())
    zones = {
        "two": ZoneConfig(sip_host="127.0.0.2", port_min=first, port_max=last),
        "nat": ZoneConfig(sip_host="127.0.0.1", sip_advertised_host="203.0.113.7"),
        "far": ZoneConfig(sip_host="203.0.113.7", media_host="127.0.0.1"),
    }
    found = check_ports(replace(base, sip=replace(base.sip, transports=("udp",)), zones=zones))
    told = [(one.subject, one.level) for one in found]
    assert told == [
        ("sip.port", Level.OK),
        ("zones.two.sip_port", Level.OK),
        ("zones.far.sip_port", Level.PROBLEM),
        ("media.port_min", Level.OK),
        ("zones.two.port_min", Level.OK),
    ]
    assert "correct zones.far.sip_host" in found[2].change


def test_an_address_that_is_not_here_is_told_by_its_key(tmp_path: Path) -> None:
    config = configured(tmp_path, http=free_port())
    media = replace(config.media, host="203.0.113.7")
    config = replace(config, http=replace(config.http, host="203.0.113.7"), media=media)
    found = check_ports(config)
    [http], [ports_of_media] = of(found, "http.port"), of(found, "media.port_min")
    assert http.level is ports_of_media.level is Level.PROBLEM
    assert "not an address of this machine" in http.text and "http.host" in http.change
    assert "media.host" in ports_of_media.change


@pytest.mark.parametrize(
    ("number", "words"), [(errno.EACCES, "CAP_NET_BIND_SERVICE"), (errno.EPERM, "change http.host or http.port")]
)
def test_a_port_that_may_not_be_bound_is_told_with_what_to_change(
    number: int, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(endpoint: ports.Endpoint) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(ports, "_bind", refused)
    [http] = of(check_ports(configured(tmp_path, http=80)), "http.port")
    assert http.level is Level.PROBLEM and words in http.change


def test_media_ports_held_by_other_programs_are_told(tmp_path: Path) -> None:
    config = configured(tmp_path)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", config.media.port_min))
        [media] = of(check_ports(config), "media.port_min")
    assert media.level is Level.WARNING and str(config.media.port_min) in media.text


def test_ipv6_ports_are_looked_for_too(tmp_path: Path) -> None:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6) as other, occupied(tmp_path):
            config = configured(tmp_path, http=other.getsockname()[1])
            [http] = of(check_ports(replace(config, http=replace(config.http, host="::1"))), "http.port")
    except OSError as error:
        pytest.skip(f"no IPv6 here: {error}")
    assert http.level is Level.OK and "which is running" in http.text
