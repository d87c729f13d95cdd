"""The log of a worker never harms the worker."""

from __future__ import annotations

import io
import os
import subprocess
import sys

import pytest

from media.worker.log import LossyStream, log_to_stderr

LOGGING = """
import os, sys, structlog
from media.worker.log import log_to_stderr
log_to_stderr()
log = structlog.get_logger("test")
sys.stdin.read(1)
for n in range(3000):
    log.info("a line that is to be written somewhere", n=n)
print("survived")
"""


def test_lines_go_to_the_stream() -> None:
    text = io.StringIO()
    stream = LossyStream(text)
    assert stream.write("abc") == 3
    stream.flush()
    assert text.getvalue() == "abc"


def test_a_closed_stream_is_no_error() -> None:
    text = io.StringIO()
    text.close()
    stream = LossyStream(text)
    assert stream.write("abc") == 3
    stream.flush()


def run_with_pipe(*, close: bool) -> bytes:
    """A process whose standard error is a pipe that is closed, or that nobody reads."""
    reading, writing = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-c", LOGGING], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=writing
    )
    os.close(writing)
    if close:
        os.close(reading)
    output, _ = process.communicate(b"x", timeout=60)
    if not close:
        os.close(reading)
    assert process.returncode in (0, 120)
    return output


def test_a_process_survives_the_end_of_whoever_read_its_log() -> None:
    assert b"survived" in run_with_pipe(close=True)


def test_a_process_is_not_held_up_by_a_log_nobody_reads() -> None:
    assert b"survived" in run_with_pipe(close=False)


def test_a_line_says_when_how_bad_and_what(own_log: None) -> None:
    import structlog

    sys_stderr, sys.stderr = sys.stderr, io.StringIO()
    try:
        log_to_stderr()
        structlog.get_logger("x").warning("something happened", leg="a")
        line = sys.stderr.getvalue()
    finally:
        sys.stderr = sys_stderr
    assert "warning" in line and "something happened" in line and "leg=a" in line


def test_a_full_pipe_is_no_error() -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with open(reading, "rb"), open(writing, "w") as pipe:
        stream = LossyStream(pipe)
        for _ in range(50):
            assert stream.write("x" * 10_000) == 10_000
        stream.flush()
        while True:
            try:
                pipe.flush()
                break
            except BlockingIOError:
                os.read(reading, 1 << 20)


def test_a_pipe_behind_standard_error_is_made_non_blocking(own_log: None, monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    with open(reading, "rb"), open(writing, "w") as pipe:
        monkeypatch.setattr(sys, "__stderr__", pipe)
        log_to_stderr()
        assert not os.get_blocking(writing)
