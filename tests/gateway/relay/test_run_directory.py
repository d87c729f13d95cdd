"""Where worker sockets are when the data directory's path is too long for them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.relay.pool import Worker, WorkerPool, WorkerSpec
from gateway.relay.run_directory import NOTE, NoRunDirectory, run_directory
from media.worker.control import AnyEvent

LONG = "a-directory-whose-name-somebody-thought-should-say-everything-about-the-customer-and-the-site"


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A private place with a short path, as a login session gives one."""
    with tempfile.TemporaryDirectory(prefix="gb", dir="/tmp") as place:
        monkeypatch.setenv("XDG_RUNTIME_DIR", place)
        yield Path(place)


@pytest.fixture
def far(tmp_path: Path) -> Path:
    """A data directory with a long path."""
    made = tmp_path / LONG
    made.mkdir()
    return made


def test_where_it_fits_the_sockets_are_in_the_data_directory() -> None:
    with tempfile.TemporaryDirectory(prefix="gb", dir="/tmp") as folder:
        found = run_directory(Path(folder))
        assert found == Path(folder) / "run" and found.stat().st_mode & 0o777 == 0o700
        assert not (Path(folder) / NOTE).exists()


def test_where_it_does_not_a_short_private_directory_takes_its_place(far: Path, short: Path) -> None:
    found = run_directory(far)
    assert found.parent == short and found.stat().st_mode & 0o777 == 0o700
    assert (far / NOTE).read_text() == f"{found}\n"


def test_a_later_start_finds_the_same_place_whatever_its_environment(
    far: Path, short: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = run_directory(far)
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    assert run_directory(far) == found
    monkeypatch.chdir(far.parent)
    assert run_directory(Path(LONG)) == found


def test_a_place_that_is_gone_is_made_again(far: Path, short: Path) -> None:
    found = run_directory(far)
    found.rmdir()
    assert run_directory(far) == found and found.is_dir()


def test_a_place_that_is_not_ours_alone_is_not_used(
    far: Path, short: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = run_directory(far)
    taken.chmod(0o755)
    monkeypatch.setattr(tempfile, "tempdir", "/tmp")
    other = run_directory(far)
    try:
        assert other != taken and other.parent == Path("/tmp")
        other.rmdir()
        other.symlink_to(tmp_path)
        with pytest.raises(NoRunDirectory, match="shorter node.data_dir"):
            run_directory(far)
    finally:
        other.unlink()


def test_two_nodes_have_two_places(far: Path, short: Path) -> None:
    second = far.parent / f"{LONG}-2"
    second.mkdir()
    assert run_directory(far) != run_directory(second)


async def test_a_worker_is_started_and_found_again_through_a_long_path(
    far: Path, short: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def event(worker: Worker, event: AnyEvent) -> None: ...

    async def told(worker: Worker) -> None: ...

    def pool(epoch: int) -> WorkerPool:
        spec = WorkerSpec("relay", "relay-1", "media.worker.relay", ("--port-min", "45100", "--port-max", "45199"))
        return WorkerPool(
            [spec],
            directory=run_directory(far),
            logs=far,
            node="n",
            epoch=epoch,
            on_event=event,
            on_lost=told,
            on_back=told,
        )

    first = pool(1)
    await first.start()
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    second = pool(2)
    try:
        await second.start()
        worker = second.workers[0]
        assert (far / "relay-1.log").is_file() and worker.adopted
        assert len(os.fsencode(far / "run" / "relay-1.sock")) > 107
    finally:
        await second.stop()
        await first.stop()
