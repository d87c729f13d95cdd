from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from gateway import config
from gateway.config import Config, ConfigError, Secret, check, line_of, load, reference

GOOD = """\
[node]
id = "54010000002000000001"
name = "拉萨"
data_dir = "/tmp/x"

[sip]
port = 15060
transports = ["udp"]
request_timeout_seconds = 4

[registrar]
shared_password = "s3cret"
accept_unknown = true
"""


def write(directory: Path, text: str) -> Path:
    path = directory / "gateway.toml"
    path.write_text(text, "utf-8")
    return path


def mistakes(directory: Path, text: str, **environment: str) -> list[tuple[int | None, str, str]]:
    return [(item.line, item.key, item.problem) for item in check(write(directory, text), environment)]


def test_without_a_file_every_key_has_its_default() -> None:
    loaded = load(None, {})
    assert loaded == Config()
    assert loaded.node.realm == "3402000000" and loaded.sip.port == 5060


def test_a_file_sets_what_it_names_and_leaves_the_rest(tmp_path: Path) -> None:
    loaded = load(write(tmp_path, GOOD), {})
    assert (loaded.node.id, loaded.node.name, loaded.node.data_dir) == ("54010000002000000001", "拉萨", Path("/tmp/x"))
    assert loaded.sip.transports == ("udp",) and loaded.sip.request_timeout_seconds == 4.0
    assert isinstance(loaded.sip.request_timeout_seconds, float)
    assert loaded.registrar.shared_password == Secret("s3cret") and loaded.http == Config().http


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    environment = {
        "GBGATEWAY_SIP__PORT": "5070",
        "GBGATEWAY_SIP__TRANSPORTS": "tcp, udp",
        "GBGATEWAY_SIP__STRICT_CODES": "yes",
        "GBGATEWAY_MEDIA__LINGER_SECONDS": "2.5",
        "GBGATEWAY_NODE__DATA_DIR": "/var/x",
        "OTHER": "1",
    }
    loaded = load(write(tmp_path, GOOD), environment)
    assert (loaded.sip.port, loaded.sip.transports, loaded.sip.strict_codes) == (5070, ("tcp", "udp"), True)
    assert (loaded.media.linger_seconds, loaded.node.data_dir, loaded.node.name) == (2.5, Path("/var/x"), "拉萨")


@pytest.mark.parametrize(
    ("text", "line", "key", "words"),
    [
        ('[node]\n\nid = "123"\n', 3, "node.id", "20 decimal digits"),
        ('[sip]\nport = "5060"\n', 2, "sip.port", "whole number"),
        ("[sip]\nport = true\n", 2, "sip.port", "whole number"),
        ("[sip]\nport = 70000\n", 2, "sip.port", "between 0 and 65535"),
        ("[sip]\nprot = 5060\n", 2, "sip.prot", "no such key"),
        ("[sip]\nrequest_timeout = 3\n", 2, "sip.request_timeout", "did you mean request_timeout_seconds?"),
        ('[sip]\nhost = "localhost"\n', 2, "sip.host", "IP address"),
        ('[sip]\ntransports = ["sctp"]\n', 2, "sip.transports", "'sctp' is not one of udp, tcp"),
        ("[sip]\ntransports = []\n", 2, "sip.transports", "at least one"),
        ('[sip]\ntransports = "udp"\n', 2, "sip.transports", "list of texts"),
        ('[log]\n# a comment\nlevel = "loud"\n', 3, "log.level", "one of debug"),
        ("[sipp]\nport = 1\n", 1, "sipp", "no such section"),
        ("# first\nstray = 1\n", 2, "stray", "no such section"),
        ("[media]\nport_min = 40000\nport_max = 30000\n", 3, "media.port_max", "above media.port_min"),
        ("[media]\nwebrtc_port_max = 20000\n", 2, "media.webrtc_port_max", "below media.webrtc_port_min"),
        ('[media]\nwebrtc_hosts = ["x"]\n', 2, "media.webrtc_hosts", "address"),
        ("[registrar]\naccept_unknown = true\n", 2, "registrar.accept_unknown", "shared_password"),
        (
            "[registrar]\nmin_expires_seconds = 90\nmax_expires_seconds = 80\n",
            3,
            "registrar.max_expires_seconds",
            "below",
        ),
        ('[http]\ntls_key = "k.pem"\n', 2, "http.tls_key", "belong together"),
        ("sip.port = -1\n", 1, "sip.port", "between"),
        ("sip = { port = -1 }\n", 1, "sip.port", "between"),
        ("[sip]\nport = \n", 2, "", "Invalid value"),
        ('[sip]\nport = 1\nname = "open', 3, "", ""),
    ],
)
def test_a_mistake_is_named_by_line_and_key(tmp_path: Path, text: str, line: int, key: str, words: str) -> None:
    [(found_line, found_key, problem)] = mistakes(tmp_path, text)
    assert (found_line, found_key) == (line, key) and words in problem


def test_all_mistakes_are_listed_and_the_first_is_raised(tmp_path: Path) -> None:
    text = "[sip]\nport = -1\nprot = 1\n[log]\nlevel = 3\n"
    assert [line for line, _, _ in mistakes(tmp_path, text)] == [3, 2, 5]
    with pytest.raises(ConfigError, match=r"gateway.toml:3: sip.prot: no such key"):
        load(tmp_path / "gateway.toml", {})


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("GBGATEWAY_SIP__PORT", "many", "whole number"),
        ("GBGATEWAY_SIP__STRICT_CODES", "perhaps", "true or false"),
        ("GBGATEWAY_SIP__PROT", "1", "no such key"),
        ("GBGATEWAY_NOWHERE__X", "1", "no such key"),
        ("GBGATEWAY_MEDIA__LINGER_SECONDS", "-1", "between"),
    ],
)
def test_a_mistake_in_the_environment_names_the_variable(variable: str, value: str, words: str) -> None:
    [mistake] = check(None, {variable: value})
    assert mistake.source == variable and mistake.line is None and words in mistake.problem
    assert str(mistake).startswith(f"{variable}: ")


def test_a_file_that_is_not_there_or_not_utf_8_is_a_mistake(tmp_path: Path) -> None:
    [missing] = check(tmp_path / "none.toml", {})
    assert "cannot be read" in missing.problem and missing.line is None
    (tmp_path / "bad.toml").write_bytes(b"\xff\xfe")
    [bad] = check(tmp_path / "bad.toml", {})
    assert "cannot be read" in bad.problem


def test_lines_are_found_in_every_form_of_toml() -> None:
    text = '[a]\nx = 1\n[b.c]\ny = 1\n"d".z = 2\n'
    assert line_of(text, "a", "x") == 2 and line_of(text, "a") == 1 and line_of(text, "b") == 3
    assert line_of(text, "b.c", "y") == 4 and line_of(text, "q") is None and line_of(text, "a", "q") is None
    assert line_of("k = 1\n", "k") == 1 and line_of('"s".k = 1\n', "s", "k") == 1 and line_of("s.k = 1\n", "s") == 1


def test_every_key_has_a_default_a_doc_line_and_a_unit_where_it_is_a_quantity() -> None:
    for section, kind in config.SECTIONS.items():
        for item in fields(kind):
            assert item.metadata["doc"].endswith("."), f"{section}.{item.name}"
            if item.metadata["doc"].startswith(("Lifetime", "Interval", "Wait")):
                assert "seconds" in item.name, f"{section}.{item.name}"
        kind()


def test_the_committed_reference_is_the_generated_one() -> None:
    committed = Path(config.__file__).parent.parent / "docs" / "configuration.md"
    assert committed.read_text("utf-8") == reference()
    assert '| `transports` | `["udp", "tcp"]` |' in reference()


def test_no_representation_shows_a_secret(tmp_path: Path) -> None:
    assert "s3cret" not in repr(load(write(tmp_path, GOOD), {}))


def test_several_stream_workers_behind_one_public_address_need_its_port() -> None:
    workers = {"GBGATEWAY_MEDIA__STREAM_WORKERS": "2"}
    [mistake] = check(None, workers | {"GBGATEWAY_MEDIA__PUBLIC_URL": "https://video.example"})
    assert mistake.key == "media.public_url" and "{port}" in mistake.problem
    assert check(None, workers | {"GBGATEWAY_MEDIA__PUBLIC_URL": "https://video.example/{port}"}) == []


def test_the_learned_keepalive_has_bounds_in_order() -> None:
    least, most = ("GBGATEWAY_REGISTRAR__KEEPALIVE_LEARNED_" + one + "_SECONDS" for one in ("MIN", "MAX"))
    [mistake] = check(None, {least: "60", most: "30"})
    assert mistake.key == "registrar.keepalive_learned_max_seconds"
    assert check(None, {least: "30", most: "60"}) == []
