"""Network zones in the configuration: what they may be, and each mistake by its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config import Config, check, load, reference
from gateway.config_zones import ZoneConfig, name_problem

TWO_CARDS = """\
[sip]
host = "10.1.0.1"

[media]
host = "10.1.0.1"

[zones.above]
networks = ["10.2.0.0/16", "2001:db8:2::/48"]
sip_host = "10.2.0.1"
"""


def mistakes(directory: Path, text: str, **environment: str) -> list[tuple[int | None, str, str]]:
    path = directory / "gateway.toml"
    path.write_text(text, "utf-8")
    return [(item.line, item.key, item.problem) for item in check(path, environment)]


def test_without_zones_there_are_none() -> None:
    assert load(None, {}).zones == Config().zones == {}


def test_a_zone_is_a_table_with_its_name(tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text(TWO_CARDS, "utf-8")
    zone = ZoneConfig(networks=("10.2.0.0/16", "2001:db8:2::/48"), sip_host="10.2.0.1")
    assert load(path, {}).zones == {"above": zone} and check(path, {}) == []
    environment = {"GBGATEWAY_ZONES__ABOVE__SIP_PORT": "5080", "GBGATEWAY_ZONES__ABOVE__NETWORKS": "10.3.0.0/16"}
    changed = load(path, environment).zones["above"]
    assert (changed.sip_port, changed.networks, changed.sip_host) == (5080, ("10.3.0.0/16",), "10.2.0.1")


@pytest.mark.parametrize(
    ("more", "line", "key", "words"),
    [
        ("[zones.nat]\nnetworks = []\n", 10, "zones.nat.sip_host", "a zone needs an address"),
        ('[zones.nat]\nsip_host = "gw"\n', 11, "zones.nat.sip_host", "must be an IP address"),
        ('[zones.nat]\nsip_host = "10.3.0.1"\nnets = []\n', 12, "zones.nat.nets", "no such key"),
        ('[zones.nat]\nnetworks = ["10.2.0.1/16"]\n', 11, "zones.nat.networks", "'10.2.0.1/16' is no network"),
        (
            '[zones.nat]\nsip_host = "10.3.0.1"\nnetworks = ["10.2.0.0/16"]\n',
            12,
            "zones.nat.networks",
            "10.2.0.0/16 belongs to zones.above already",
        ),
        (
            '[zones.nat]\nsip_host = "10.2.0.1"\nport_min = 34000\nport_max = 36000\n',
            12,
            "zones.nat.port_min",
            "34000-36000 overlaps 30000-34999 of zone above at the same address",
        ),
        ('[zones.nat]\nsip_host = "10.3.0.1"\nport_min = 34000\n', 12, "zones.nat.port_min", "belong together"),
        ('[zones.nat]\nsip_host = "10.3.0.1"\nport_max = 34000\n', 12, "zones.nat.port_max", "belong together"),
        (
            '[zones.nat]\nsip_host = "10.3.0.1"\nport_min = 900\nport_max = 950\n',
            13,
            "zones.nat.port_max",
            "1024 or more",
        ),
        ('[zones.nat]\nsip_host = "0.0.0.0"\n', 11, "zones.nat.sip_host", "that of zone default too: name one"),
        ('[zones.default]\nsip_host = "10.3.0.1"\n', 10, "zones.default", "described by [sip] and [media]"),
        ('[zones.Nat]\nsip_host = "10.3.0.1"\n', 10, "zones.Nat", "a-z"),
        ("[zones]\nnat = 3\n", 11, "zones.nat", "write [zones.NAME]"),
    ],
)
def test_a_mistake_is_named_by_line_and_key(tmp_path: Path, more: str, line: int, key: str, words: str) -> None:
    [(found_line, found_key, problem)] = mistakes(tmp_path, TWO_CARDS + more)
    assert (found_line, found_key) == (line, key) and words in problem


def test_every_address_for_the_default_zone_leaves_none_for_others(tmp_path: Path) -> None:
    [(line, key, problem)] = mistakes(tmp_path, TWO_CARDS.replace('[sip]\nhost = "10.1.0.1"', "[sip]\nport = 5060"))
    assert (line, key) == (1, "sip.host") and problem == "0.0.0.0 is every address, that of zone above too: name one"
    other_port = TWO_CARDS.replace('[sip]\nhost = "10.1.0.1"', "[sip]\nport = 5060") + "sip_port = 5080\n"
    assert mistakes(tmp_path, other_port) == []


def test_zones_may_share_an_address_and_a_range(tmp_path: Path) -> None:
    shared = '[zones.nat]\nsip_host = "10.1.0.1"\nsip_advertised_host = "203.0.113.7"\n'
    assert mistakes(tmp_path, TWO_CARDS + shared) == []
    everywhere = '[zones.nat]\nsip_host = "0.0.0.0"\nsip_advertised_host = "203.0.113.7"\n'
    assert mistakes(tmp_path, everywhere) == []


def test_several_stream_workers_behind_one_address_of_a_zone_need_their_port(tmp_path: Path) -> None:
    text = TWO_CARDS + 'public_url = "https://video.example"\n'
    [(line, key, problem)] = mistakes(tmp_path, text, GBGATEWAY_MEDIA__STREAM_WORKERS="2")
    assert (line, key) == (10, "zones.above.public_url") and "{port}" in problem


@pytest.mark.parametrize("variable", ["GBGATEWAY_ZONES__ABOVE__NOTHING", "GBGATEWAY_ZONES__DEFAULT__SIP_HOST"])
def test_a_variable_of_no_key_is_named(tmp_path: Path, variable: str) -> None:
    [(_, _, problem)] = mistakes(tmp_path, TWO_CARDS, **{variable: "1"})
    assert problem == "no such key"


def test_zones_that_are_no_table_are_a_mistake(tmp_path: Path) -> None:
    assert mistakes(tmp_path, "zones = 3\n") == [(1, "zones", "write [zones.NAME]")]


def test_names_and_the_reference() -> None:
    assert name_problem("up-2_x") is None and name_problem("2up") and name_problem("")
    assert "## [zones.NAME]" in reference() and "| `sip_advertised_host` |" in reference()


def test_every_relay_worker_needs_ports_of_a_zone(tmp_path: Path) -> None:
    workers = TWO_CARDS.replace("[media]\n", "[media]\nrelay_workers = 3\n")
    assert mistakes(tmp_path, workers + "port_min = 41000\nport_max = 41005\n") == []
    [(line, key, problem)] = mistakes(tmp_path, workers + "port_min = 41000\nport_max = 41004\n")
    assert (line, key, problem) == (12, "zones.above.port_max", "too few ports: 3 relay workers need two each")


def test_whether_devices_of_a_zone_are_connected_to_is_one_of_three_words(tmp_path: Path) -> None:
    assert mistakes(tmp_path, TWO_CARDS + 'connect_to_devices = "no"\n') == []
    [(line, key, problem)] = mistakes(tmp_path, TWO_CARDS + 'connect_to_devices = "never"\n')
    assert (line, key) == (10, "zones.above.connect_to_devices") and "auto, yes, no" in problem
