from __future__ import annotations

from media.errors import LocalError, MediaError, RemoteError


def test_a_peers_fault_says_where_what_and_value() -> None:
    error = RemoteError("PES", "length beyond the frame", "70000")
    assert (error.where, error.what, error.value) == ("PES", "length beyond the frame", "70000")
    assert str(error) == "PES: length beyond the frame (70000)"
    assert str(RemoteError("PES", "cut")) == "PES: cut"


def test_the_two_faults_are_different_types() -> None:
    assert issubclass(RemoteError, MediaError)
    assert issubclass(LocalError, MediaError)
    assert not issubclass(LocalError, RemoteError)
