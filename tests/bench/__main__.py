"""`make bench`: figures of relay, program streams, SIP, registration, catalogue and start, against their bars.

A bar marked with `!` fails the run when it is missed, the others only with --strict.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from tests.bench import catalogue, ps, register, relay, sip, start
from tests.bench.figure import Figure, exit_status, keep, table

WITHIN_S = 150.0
"""Longest time of one bench; all of them take less than five minutes."""
ROOT = Path(__file__).resolve().parents[2]
BENCHES: dict[str, Callable[..., Awaitable[list[Figure]]]] = {
    "ps": ps.run,
    "sip": sip.run,
    "catalogue": catalogue.run,
    "register": register.run,
    "relay": relay.run,
    "start": start.run,
}


async def measure(names: Sequence[str], *, quick: bool) -> list[Figure]:
    """Run benches one after the other; each prints its name and how long it took."""
    figures: list[Figure] = []
    for name in names:
        began = time.monotonic()
        print(f"{name} ...", end=" ", flush=True)
        async with asyncio.timeout(WITHIN_S):
            figures += await BENCHES[name](quick=quick)
        print(f"{time.monotonic() - began:.0f} s", flush=True)
    return figures


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("benches", nargs="*", metavar="BENCH", help=f"which: {', '.join(BENCHES)}; all without")
    parser.add_argument("--quick", action="store_true", help="within a minute, coarser")
    parser.add_argument("--strict", action="store_true", help="fail when any bar is missed")
    parser.add_argument("--history", type=Path, default=ROOT / "bench-history", help="where the figures are kept")
    options = parser.parse_args(arguments)
    if unknown := [name for name in options.benches if name not in BENCHES]:
        parser.error(f"no such bench: {', '.join(unknown)}")
    figures = asyncio.run(measure(options.benches or list(BENCHES), quick=options.quick))
    print(table(figures))
    print(f"kept in {keep(figures, options.history, quick=options.quick, root=ROOT)}")
    return exit_status(figures, strict=options.strict)


if __name__ == "__main__":
    sys.exit(main())
