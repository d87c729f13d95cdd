from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from gateway.config import Config
from gateway.operations.self_check import look_over


def test_every_chapter_is_looked_over(tmp_path: Path) -> None:
    base = Config()
    config = replace(
        base,
        node=replace(base.node, data_dir=tmp_path / "data"),
        sip=replace(base.sip, host="127.0.0.1", port=0),
        http=replace(base.http, port=0),
        media=replace(base.media, host="127.0.0.1", http_port=0, port_max=30063),
    )
    subjects = [one.subject for one in look_over(config, None, now=0.0)]
    wanted = ["configuration", "http.tls_certificate", "node.data_dir", "disk space", "worker sockets"]
    wanted += ["media.port_min", "media.port_max", "net.core.rmem_max", "processors", "clock", "time zone", "versions"]
    wanted += ["FFmpeg", "upper platforms"]
    assert [subject for subject in subjects if subject in wanted] == wanted
    assert not (tmp_path / "data").exists(), "looking changes nothing"
