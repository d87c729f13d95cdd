"""Starts a program that ends with the one that started it, however that one ends.

`leash.py PARENT PROGRAM ARGUMENT ...`: PARENT is the process id of the one that starts it. Linux tells a process that
the thread that started it is gone (prctl(2), PR_SET_PDEATHSIG); that holds across exec. The file stands alone and is
run by path.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def leashed(*command: str) -> list[str]:
    """The command line that runs `command` (its program by full path) on a leash held by this process."""
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), *command]


def main(parent: int, command: list[str]) -> None:
    """Become `command`; SIGTERM comes when the parent ends, and nothing is begun when it has ended already."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() == parent:
        os.execv(command[0], command)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
