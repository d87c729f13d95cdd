from __future__ import annotations

import io
import logging
from collections.abc import Iterator

import orjson
import pytest
import structlog

from gateway.config import LogConfig
from gateway.telemetry.log import configure


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Leave logging as it was for the other tests."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    root.handlers, root.level = handlers, level


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [orjson.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_json_with_the_ids_first() -> None:
    stream = io.StringIO()
    configure(LogConfig(), stream)
    structlog.get_logger("x").info("registered", reason="new", call_id="c1", peer_id="p1")
    [line] = stream.getvalue().splitlines()
    assert list(orjson.loads(line)) == ["timestamp", "level", "event", "peer_id", "call_id", "reason"]


def test_the_level_leaves_out_what_is_below() -> None:
    stream = io.StringIO()
    configure(LogConfig(level="warning"), stream)
    structlog.get_logger().info("quiet")
    structlog.get_logger().warning("loud")
    assert [line["event"] for line in lines(stream)] == ["loud"]


@pytest.mark.parametrize("form", ["json", "console"])
def test_no_secret_gets_into_a_line_even_in_a_traceback(form: str) -> None:
    stream = io.StringIO()
    configure(LogConfig(format=form), stream)
    log = structlog.get_logger()
    log.info("wire", data=b"REGISTER\r\nAuthorization: Digest s3cret\r\n", password="s3cret")
    try:
        raise ValueError("Bearer s3cret-in-a-message")
    except ValueError:
        log.exception("failed")
    text = stream.getvalue()
    assert "s3cret" not in text and "failed" in text and "ValueError" in text


def test_context_is_merged_into_every_line() -> None:
    stream = io.StringIO()
    configure(LogConfig(), stream)
    structlog.contextvars.bind_contextvars(peer_id="p1")
    structlog.get_logger().info("a")
    assert lines(stream)[0]["peer_id"] == "p1"


def test_warnings_of_libraries_come_in_the_same_form() -> None:
    stream = io.StringIO()
    configure(LogConfig(), stream)
    logging.getLogger("aiohttp.server").info("not this")
    logging.getLogger("aiohttp.server").warning("slow %s", "client")
    [line] = lines(stream)
    assert (line["event"], line["level"], line["logger"]) == ("slow client", "warning", "aiohttp.server")


def test_a_value_that_is_not_json_does_not_lose_the_line() -> None:
    stream = io.StringIO()
    configure(LogConfig(), stream)
    structlog.get_logger().info("odd", thing=object)
    assert "object" in str(lines(stream)[0]["thing"])


def test_a_line_is_written_whatever_a_peer_put_into_it() -> None:
    stream = io.StringIO()
    configure(LogConfig(), stream)
    not_utf8 = b"34\xff\xfe".decode("utf-8", "surrogateescape")
    structlog.get_logger().warning("refused", claims=not_utf8, number=10**30, peer="udp:192.0.2.1:5060")
    [line] = lines(stream)
    assert (line["claims"], line["peer"]) == ("34??", "udp:192.0.2.1:5060")


def test_nothing_a_peer_wrote_commands_the_terminal_and_tracebacks_stay_readable() -> None:
    lines = io.StringIO()
    configure(LogConfig(format="console"), lines)
    logger = structlog.get_logger("x")
    logger.info("came", name="\x1b[31m东门\x9b0m", agent="a\nfake line \u202e", number=7)
    try:
        raise ValueError("\x1b[2J")
    except ValueError:
        logger.exception("failed")
    text = lines.getvalue()
    assert "\x1b" not in text and "\x9b" not in text and "\u202e" not in text
    assert "\\x1b[31m东门\\x9b0m" in text and "\nfake" not in text and "\nTraceback" in text
