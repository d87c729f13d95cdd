"""Every planted mistake is noticed by a test that does not rely on the project reading its own bytes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.mutants.table import MUTANTS, ORACLES, SIPP, TSHARK, Mutant
from tests.mutants.workshop import Workshop

FIRST = sorted({mutant.killed_by[0] for mutant in MUTANTS})
TOOLS = {SIPP: "sipp", TSHARK: "tshark"}


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    return Workshop(tmp_path_factory.mktemp("packages"))


@pytest.mark.parametrize("oracle", FIRST)
def test_the_unspoilt_packages_pass(workshop: Workshop, oracle: str) -> None:
    run = workshop.run(oracle, keep_bytecode=True)
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_each_mistake_is_noticed(workshop: Workshop, mutant: Mutant) -> None:
    oracle = mutant.killed_by[0]
    assert oracle not in TOOLS or shutil.which(TOOLS[oracle]), f"{TOOLS[oracle]} is missing"
    with workshop.planted(mutant):
        run = workshop.run(oracle)
    assert run.returncode == 1, run.stdout + run.stderr


def test_the_table_is_sound() -> None:
    assert len(MUTANTS) >= 20
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)
    assert all(set(mutant.killed_by) <= set(ORACLES) and mutant.killed_by for mutant in MUTANTS)
    assert all(Path(path).name.startswith("test_") for path in ORACLES.values())
