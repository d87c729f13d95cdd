"""`python -m interop` is `gbsim`."""

from __future__ import annotations

from interop.cli import main

main()
