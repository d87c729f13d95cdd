"""Which video source (视频源) of an ONVIF camera is which of its channels: a camera may list them in another order
tomorrow, and nobody is to be shown another picture under a code for it."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, insert, select

from gateway.store import schema
from gateway.store.devices import Device
from gateway.store.engine import Database

_TABLE = schema.video_sources


class VideoSources:
    """The tokens of the video sources of all cameras, by the number of their channel."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, device: Device) -> tuple[str, ...]:
        """The tokens as they were kept; none when the device was entered anew, or its address or code was changed:
        then it is another camera."""
        query = select(_TABLE).where(_TABLE.c.device_id == device.id)
        async with self._database.read() as connection:
            row = (await connection.execute(query)).mappings().one_or_none()
        if row is None or any(row[name] != value for name, value in _about(device).items()):
            return ()
        return tuple(row["tokens"])

    async def keep(self, device: Device, tokens: Sequence[str]) -> None:
        """Keep them, and forget those of devices that are gone."""
        gone = _TABLE.c.device_id.not_in(select(schema.devices.c.id))
        async with self._database.write() as connection:
            await connection.execute(delete(_TABLE).where(gone | (_TABLE.c.device_id == device.id)))
            await connection.execute(insert(_TABLE).values(_about(device) | {"tokens": list(tokens)}))


def _about(device: Device) -> dict[str, object]:
    return {
        "device_id": device.id,
        "entered_at": device.created_at,
        "url": device.url,
        "channel_id": device.channel_id,
    }
