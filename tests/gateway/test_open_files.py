"""The limit of open files is raised at the start, for the workers too, and a start says when it is too small."""

from __future__ import annotations

import asyncio
import json
import resource
import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from gateway.config import Config, MediaConfig, SipConfig
from gateway.open_files import FILES_PER_STREAM, OWN_FILES, files_needed, raise_open_files

PROGRAM = """
import json, resource, subprocess, sys
soft, hard, connections = map(int, sys.argv[1:])
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
from dataclasses import replace
from structlog.testing import capture_logs
from gateway.config import Config
from gateway.open_files import raise_open_files
config = Config()
config = replace(config, media=replace(config.media, max_streams=5))
config = replace(config, sip=replace(config.sip, max_connections=connections))
with capture_logs() as lines:
    found = raise_open_files(config)
child = [sys.executable, "-c", "import resource; print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])"]
inherited = int(subprocess.run(child, capture_output=True, check=True).stdout)
print(json.dumps([found, list(resource.getrlimit(resource.RLIMIT_NOFILE)), inherited, lines]))
"""


async def started(soft: int, hard: int, connections: int) -> tuple[int, list[int], int, list[dict[str, object]]]:
    """What a process with these limits makes of them."""
    arguments = [str(number) for number in (soft, hard, connections)]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, *arguments, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    assert process.returncode == 0
    found, limits, inherited, lines = json.loads(said)
    return found, limits, inherited, lines


async def test_the_soft_limit_becomes_the_hard_one_for_the_workers_too() -> None:
    assert await started(256, 900, connections=500) == (900, [900, 900], 900, [])


async def test_a_hard_limit_that_is_too_small_is_told_with_what_to_change() -> None:
    found, _, _, [line] = await started(256, 700, connections=500)
    assert found == 700 and line["log_level"] == "warning"
    assert (line["key"], line["needed"], line["limit"]) == ("sip.max_connections", 500 + OWN_FILES, 700)
    assert "LimitNOFILE" in str(line["change"]) and "lower sip.max_connections" in str(line["change"])


@pytest.fixture
def usual() -> Iterator[int]:
    """The soft limit most programs start with; the hard one is given."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(1024, hard), hard))
    yield hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_node_raises_its_own_limit(usual: int) -> None:
    small = replace(Config(), sip=SipConfig(max_connections=1), media=MediaConfig(max_streams=1))
    with capture_logs() as lines:
        assert raise_open_files(small) == usual
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (usual, usual) and lines == []


@pytest.mark.skipif(resource.getrlimit(resource.RLIMIT_NOFILE)[1] == resource.RLIM_INFINITY, reason="there is no limit")
def test_what_asks_for_more_than_there_is_is_named(usual: int) -> None:
    large = replace(Config(), sip=SipConfig(max_connections=1), media=MediaConfig(max_streams=usual))
    with capture_logs() as lines:
        raise_open_files(large)
    assert [(line["key"], line["needed"]) for line in lines] == [
        ("media.max_streams", usual * FILES_PER_STREAM + OWN_FILES)
    ]


@pytest.mark.parametrize(("workers", "streams"), [(1, 1000), (4, 250), (3, 334)])
def test_streams_are_spread_over_the_relay_workers(workers: int, streams: int) -> None:
    config = replace(
        Config(), sip=SipConfig(max_connections=10), media=MediaConfig(max_streams=1000, relay_workers=workers)
    )
    assert files_needed(config) == {
        "sip.max_connections": 10 + OWN_FILES,
        "media.max_streams": streams * FILES_PER_STREAM + OWN_FILES,
    }
