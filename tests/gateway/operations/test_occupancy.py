from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.operations.occupancy import LOCK_FILE, UNFINISHED_FILE, Occupied, Unfinished, occupant, occupied

HOLD = """
import sys, time
from pathlib import Path
from gateway.operations.occupancy import occupied
with occupied(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_directory_has_one_occupant_who_is_named(tmp_path: Path) -> None:
    place = tmp_path / "data"
    assert occupant(place) is None
    with occupied(place):
        assert place.stat().st_mode & 0o777 == 0o700
        assert occupant(place) == os.getpid()
        with pytest.raises(Occupied, match=f"process {os.getpid()}") as caught, occupied(place):
            pass
        assert caught.value.pid == os.getpid()
    assert occupant(place) is None
    with occupied(place):
        assert occupant(place) == os.getpid()


def test_an_occupant_that_was_killed_is_none(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    with process:
        assert process.stdout is not None and process.stdout.readline() == "held\n"
        assert occupant(tmp_path) == process.pid
        process.kill()
        process.wait()
    assert occupant(tmp_path) is None
    with occupied(tmp_path):
        pass


def test_an_occupant_that_did_not_say_who_it_is_counts(tmp_path: Path) -> None:
    with occupied(tmp_path):
        (tmp_path / LOCK_FILE).write_text("")
        assert occupant(tmp_path) == 0
        with pytest.raises(Occupied, match="another process"), occupied(tmp_path):
            pass


def test_nothing_runs_on_half_a_restore_but_the_restore_that_mends_it(tmp_path: Path) -> None:
    (tmp_path / UNFINISHED_FILE).touch()
    with pytest.raises(Unfinished, match="--replace"), occupied(tmp_path):
        pass
    assert occupant(tmp_path) is None
    with occupied(tmp_path, unfinished=True):
        pass
