"""What systemd is told of this process (sd_notify(3)): ready, stopping, alive. Elsewhere nothing is sent."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import MutableMapping

import structlog

log = structlog.get_logger("gateway")

_VARIABLES = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")


class ServiceManager:
    """Speaks to the socket the service manager named, or to nobody.

    ``watchdog_s`` is how often it wants to hear that this process is alive, at the least; None: it does not ask.
    """

    def __init__(self, address: str | None = None, watchdog_s: float | None = None) -> None:
        self._address = address
        self.watchdog_s = watchdog_s if address is not None else None

    @classmethod
    def of_environment(cls, environment: MutableMapping[str, str] | None = None) -> ServiceManager:
        """Who started us as a service. The variables are removed: the workers we start are not the service."""
        variables = os.environ if environment is None else environment
        address, microseconds, pid = (variables.pop(name, "") for name in _VARIABLES)
        for_us = pid in ("", str(os.getpid()))
        watchdog_s = int(microseconds) / 1e6 if microseconds.isdigit() and for_us else None
        if not address.startswith(("/", "@")):
            return cls()
        return cls(address, watchdog_s or None)

    def ready(self, status: str) -> None:
        """Everything has started; ``status`` is one line for `systemctl status`."""
        self._tell(f"READY=1\nSTATUS={status}")

    def stopping(self) -> None:
        """An orderly stop has begun."""
        self._tell("STOPPING=1\nSTATUS=Ending every call")

    async def keep_alive(self) -> None:
        """Say that the event loop turns, twice in the time the watchdog allows, until cancelled."""
        while self.watchdog_s is not None:
            self._tell("WATCHDOG=1")
            await asyncio.sleep(self.watchdog_s / 2)

    def _tell(self, message: str) -> None:
        if self._address is None:
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
                channel.setblocking(False)
                channel.sendto(message.encode(), address)
        except OSError as error:  # a service manager that does not listen must not stop the node
            log.warning("the service manager could not be told", problem=str(error))
