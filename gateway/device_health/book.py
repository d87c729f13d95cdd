"""The health of every device that ever registered, in less than a kilobyte each. Knows no I/O and no clock.

Nothing here is written per message: what outlives a restart is why a device was offline, and that is told to `history`
when it happens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from gateway.device_health.contacts import Contact, Contacts, Kinds
from gateway.device_health.keepalives import KeepalivePolicy, Keepalives, Rhythm
from gateway.device_health.offline_reason import OURS, Offline, OfflineReason
from gateway.device_health.standing import FlapPolicy, Stand, Standing, Tell
from sip import Peer

CLOCK_FAR_OFF_S = 30.0
"""A device's clock further off than this is named: recordings would be found at the wrong time."""


@dataclass(slots=True)
class DeviceHealth:
    """What is known of one device. `clock_offset_s` is its clock minus ours, None while it never told the time."""

    contacts: Contacts
    keepalives: Keepalives
    stand: Stand
    clock_offset_s: float | None = None
    last_offline: Offline | None = None

    @property
    def clock_far_off(self) -> bool:
        return self.clock_offset_s is not None and abs(self.clock_offset_s) > CLOCK_FAR_OFF_S


class HealthBook:
    """All devices. `history(device_id, offline)` keeps why a device was offline. Times are unix seconds."""

    def __init__(
        self,
        keepalive: KeepalivePolicy | None = None,
        flap: FlapPolicy | None = None,
        *,
        history: Callable[[str, Offline], None] = lambda _device_id, _offline: None,
    ) -> None:
        self.keepalive = keepalive or KeepalivePolicy()
        self.flap = flap or FlapPolicy()
        self._least_silence_s = self.keepalive.least_silence_s
        self._history = history
        self._kinds = Kinds()
        self._devices: dict[str, DeviceHealth] = {}
        self._unstable: dict[str, None] = {}

    def __len__(self) -> int:
        return len(self._devices)

    def get(self, device_id: str) -> DeviceHealth | None:
        return self._devices.get(device_id)

    def forget(self, device_id: str) -> None:
        """The device was removed."""
        self._devices.pop(device_id, None)
        self._unstable.pop(device_id, None)

    def recall(self, stored: Iterable[tuple[str, Offline]]) -> None:
        """After a start: why devices were offline last."""
        for device_id, offline in stored:
            self._of(device_id).last_offline = offline

    # -- signs of life

    def heard(self, device_id: str, now: float, kind: str, source: Peer, *, keepalive: bool = False) -> None:
        """A valid message of the device."""
        health = self._of(device_id)
        health.contacts.add(now, self._kinds.number(kind), source)
        if keepalive:
            health.keepalives.arrived(now)

    def told_the_time(self, device_id: str, offset_s: float) -> None:
        """A message of the device carried its time of day: its clock minus ours."""
        self._of(device_id).clock_offset_s = offset_s

    def contacts(self, device_id: str) -> list[Contact]:
        """The last contacts, newest first."""
        health = self._devices.get(device_id)
        return health.contacts.newest_first(self._kinds) if health is not None else []

    def rhythm(self, device_id: str) -> Rhythm:
        """The interval the device is held to."""
        health = self._devices.get(device_id)
        keepalives = health.keepalives if health is not None else Keepalives()
        return keepalives.rhythm(self.keepalive)

    def silent(self, device_id: str, last_seen: float, now: float) -> Offline | None:
        """Why the device is offline by its silence; None while it is not."""
        silence = now - last_seen
        if silence <= self._least_silence_s or self._of(device_id).keepalives.allows(silence, self.keepalive):
            return None
        rhythm = self.rhythm(device_id)
        return Offline.of(
            now,
            OfflineReason.NO_KEEPALIVE,
            silent=round(silence),
            interval=round(rhythm.interval_s),
            misses=rhythm.misses,
            basis="learned" if rhythm.learned else "configured",
        )

    # -- coming and going

    def came(self, device_id: str, now: float) -> tuple[Tell, ...]:
        """It registered, and was not registered before."""
        health = self._of(device_id)
        lost = health.last_offline
        if lost is not None and lost.reason is OfflineReason.NO_KEEPALIVE:
            health.keepalives.returned(now, self.keepalive.most_s)
        went_at = lost.at if lost is not None and lost.reason not in OURS else None
        return self._noted(device_id, health, health.stand.came(now, self.flap, went_at=went_at))

    def moved(self, device_id: str, now: float, offline: Offline) -> tuple[Tell, ...]:
        """It registered from elsewhere while it was registered; `offline` says so for the old address."""
        health = self._of(device_id)
        health.keepalives.interrupted()
        self._lost(device_id, health, offline)
        return self._noted(device_id, health, health.stand.moved(now, self.flap))

    def went(self, device_id: str, now: float, offline: Offline) -> tuple[Tell, ...]:
        """Its registration ended."""
        health = self._of(device_id)
        if offline.reason is not OfflineReason.NO_KEEPALIVE:
            health.keepalives.interrupted()
        self._lost(device_id, health, offline)
        return self._noted(device_id, health, health.stand.went(now))

    def restored(self, device_id: str, now: float, *, settled: bool) -> None:
        """A registration that outlived a restart of this node; not `settled`: it was unstable then."""
        health = self._of(device_id)
        health.stand.standing, health.stand.since = (Standing.ONLINE if settled else Standing.UNSTABLE), now
        self._noted(device_id, health, ())

    def settling(self) -> list[str]:
        """The unstable devices, each to be looked at now and again."""
        return list(self._unstable)

    def looked_at(self, device_id: str, now: float, heard_at: float) -> tuple[Tell, ...]:
        """Whether an unstable device is online again; `heard_at` is when it was heard last."""
        health = self._of(device_id)
        return self._noted(device_id, health, health.stand.looked_at(now, heard_at, self.flap))

    def standing(self, device_id: str) -> Standing:
        health = self._devices.get(device_id)
        return health.stand.standing if health is not None else Standing.OFFLINE

    def lost_at_restart(self, device_id: str, offline: Offline) -> None:
        """A registration that did not outlive a restart of this node."""
        self._lost(device_id, self._of(device_id), offline)

    def _lost(self, device_id: str, health: DeviceHealth, offline: Offline) -> None:
        health.last_offline = offline
        self._history(device_id, offline)

    def _noted(self, device_id: str, health: DeviceHealth, tells: tuple[Tell, ...]) -> tuple[Tell, ...]:
        if health.stand.standing is Standing.UNSTABLE:
            self._unstable[device_id] = None
        else:
            self._unstable.pop(device_id, None)
        return tells

    def _of(self, device_id: str) -> DeviceHealth:
        health = self._devices.get(device_id)
        if health is None:
            health = self._devices[device_id] = DeviceHealth(Contacts(), Keepalives(), Stand())
        return health
