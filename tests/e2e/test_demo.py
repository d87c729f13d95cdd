"""The demonstration as a user starts it, judged by other programs."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What one run left; the run must have ended well, in lines of 80 columns."""
    directory = tmp_path_factory.mktemp("demo")
    run = subprocess.run(
        [sys.executable, "-m", "interop.demo", "--once", "--output", "demo-output"],
        cwd=directory,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "80"},
        capture_output=True,
        text=True,
        timeout=220,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stderr == ""
    assert max(map(len, run.stdout.splitlines())) <= 80, run.stdout
    return directory / "demo-output"


def test_the_results_are_there(output: Path) -> None:
    sizes = {path.name: path.stat().st_size for path in output.iterdir() if path.is_file()}
    assert sizes["region-snapshot.jpg"] > 5_000
    assert sizes["region-live.mp4"] > 100_000
    trace = (output / "signalling-trace.txt").read_text("utf-8")
    assert all(f" {place} 127.0.0.1:" in trace for place in ("region", "city", "district", "enterprise"))
    for method in ("REGISTER", "MESSAGE", "SUBSCRIBE", "NOTIFY", "INVITE", "ACK", "BYE"):
        assert f"\n           {method} sip:" in trace, f"no {method} in the trace"
    assert re.findall(r"response=[^,\s]*", trace) and set(re.findall(r"response=[^,\s]*", trace)) == {'response="***"'}
    assert "\n           a=recvonly\n" in trace and re.search(r"^           y=\d{10}$", trace, re.M), "no body"
    assert all((output / "nodes" / place / "gbgateway.log").stat().st_size for place in ("region", "enterprise"))


@pytest.mark.ffprobe
@pytest.mark.parametrize(("name", "codec"), [("region-live.mp4", "h264"), ("region-nvr.mp4", "hevc")])
def test_another_program_reads_the_recordings(output: Path, name: str, codec: str) -> None:
    probe = shutil.which("ffprobe")
    assert probe is not None
    command = [probe, "-v", "error", "-count_frames", "-show_streams", "-of", "json", str(output / name)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, "")
    video = next(stream for stream in json.loads(run.stdout)["streams"] if stream["codec_type"] == "video")
    assert (video["codec_name"], video["width"], video["height"]) == (codec, 640, 360)
    assert int(video["nb_read_frames"]) > 100
