"""Everything stored in the gateway's database, opened and closed as one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gateway.secrets import SecretBox
from gateway.store.devices import Devices
from gateway.store.dialogs import Dialogs
from gateway.store.engine import Database
from gateway.store.migrations.upgrade import migrate
from gateway.store.offline_history import OfflineHistory
from gateway.store.registrations import Registrations
from gateway.store.rules import Rules
from gateway.store.subscriptions import Subscriptions
from gateway.store.uppers import Uppers
from gateway.store.users import Tokens, Users
from gateway.store.video_sources import VideoSources
from gateway.store.views import Views


@dataclass(frozen=True, slots=True)
class Stores:
    """The repositories of one node.

    ``registrations`` are those of lower peers here; ``uplinks`` are ours at upper platforms. Their owner runs
    :meth:`Registrations.keep_flushing` as a task.
    """

    database: Database
    devices: Devices
    video_sources: VideoSources
    uppers: Uppers
    rules: Rules
    registrations: Registrations
    uplinks: Registrations
    offline: OfflineHistory
    dialogs: Dialogs
    subscriptions: Subscriptions
    views: Views
    users: Users
    tokens: Tokens

    @classmethod
    async def open(cls, data_dir: Path) -> Stores:
        """Open the database of ``data_dir``, bring its schema up to date and read what is kept in memory."""
        box = SecretBox.open(data_dir)
        database = Database.open(data_dir)
        try:
            await migrate(database.writer)
            users = await Users(database, box).load()
            tokens = await Tokens(database, box).load()
            users.on_change(tokens.forget_user)
            return cls(
                database=database,
                devices=await Devices(database, box).load(),
                video_sources=VideoSources(database),
                uppers=await Uppers(database, box).load(),
                rules=await Rules(database, box).load(),
                registrations=await Registrations(database, "lower").load(),
                uplinks=await Registrations(database, "upper").load(),
                offline=OfflineHistory(database),
                dialogs=await Dialogs(database, box).load(),
                subscriptions=await Subscriptions(database, box).load(),
                views=await Views(database, box).load(),
                users=users,
                tokens=tokens,
            )
        except BaseException:
            await database.close()
            raise

    async def close(self) -> None:
        """Write what is not written yet and close the database."""
        await self.registrations.flush()
        await self.uplinks.flush()
        await self.offline.flush()
        await self.database.close()
