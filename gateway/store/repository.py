"""A table of records kept whole in memory and written through: reads cost a dictionary look-up, changes are announced.

Protocol code asks for a peer's record at every message, so a read must not touch the database. What is kept this way is
bounded by what was configured (peers, rules, users) or by the sessions that are up.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Literal, Protocol, Self, TypeVar, get_type_hints

import structlog
from sqlalchemy import Table, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from gateway.errors import AlreadyExists, InUse, NotFound
from gateway.secrets import Secret, SecretBox
from gateway.store.engine import Database

_log = structlog.get_logger("gateway.store")


class Record(Protocol):
    """A frozen dataclass with a text ``id``."""

    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]

    @property
    def id(self) -> str: ...


R = TypeVar("R", bound=Record)


@dataclass(frozen=True, slots=True)
class Change(Generic[R]):
    """A committed change of one record: ``before`` is None when created, ``after`` is None when deleted."""

    kind: Literal["created", "updated", "deleted"]
    id: str
    before: R | None
    after: R | None


class RowCodec(Generic[R]):
    """Records to rows and back; fields of type Secret are sealed, bound to table, id and field."""

    def __init__(self, table: Table, record: type[R], box: SecretBox) -> None:
        self._table, self._record, self._box = table, record, box
        hints = get_type_hints(record)
        self._names = [field.name for field in dataclasses.fields(record)]
        self._secret = {name for name in self._names if hints[name] is Secret}
        self._tuples = {name for name in self._names if getattr(hints[name], "__origin__", None) is tuple}

    def row(self, record: R) -> dict[str, Any]:
        row = {name: getattr(record, name) for name in self._names}
        for name in self._secret:
            row[name] = self._box.seal(row[name], self._about(record.id, name)) if row[name] else ""
        for name in self._tuples:
            row[name] = list(row[name])
        return row

    def record(self, row: Any) -> R:
        values = {name: getattr(row, name) for name in self._names}
        for name in self._secret:
            sealed = values[name]
            values[name] = self._box.unseal(sealed, self._about(values["id"], name)) if sealed else Secret("")
        for name in self._tuples:
            values[name] = tuple(values[name])
        return self._record(**values)

    def _about(self, record_id: str, name: str) -> str:
        return f"{self._table.name}/{record_id}/{name}"


class Repository(Generic[R]):
    """All records of one kind. Subclasses name ``TABLE`` and ``RECORD``."""

    TABLE: ClassVar[Table]
    RECORD: ClassVar[type[Any]]

    def __init__(self, database: Database, box: SecretBox) -> None:
        self._database = database
        self._codec: RowCodec[R] = RowCodec(self.TABLE, self.RECORD, box)
        self._records: dict[str, R] = {}
        self._listeners: list[Callable[[Change[R]], None]] = []
        self._order = asyncio.Lock()

    async def load(self) -> Self:
        """Read the whole table; call once before use."""
        async with self._database.read() as connection:
            rows = (await connection.execute(select(self.TABLE))).all()
        self._records = {record.id: record for record in map(self._codec.record, rows)}
        self._loaded()
        return self

    def get(self, record_id: str) -> R | None:
        return self._records.get(record_id)

    def require(self, record_id: str) -> R:
        """The record, or :class:`NotFound`."""
        record = self._records.get(record_id)
        if record is None:
            raise NotFound(record_id, f"no {self.noun} {record_id}")
        return record

    def all(self) -> list[R]:
        """Every record, ordered by id."""
        return [self._records[record_id] for record_id in sorted(self._records)]

    def __len__(self) -> int:
        return len(self._records)

    def __contains__(self, record_id: object) -> bool:
        return record_id in self._records

    def __iter__(self) -> Iterator[R]:
        return iter(self.all())

    @property
    def noun(self) -> str:
        """What a record is called in messages."""
        return self.TABLE.name.removesuffix("s")

    def on_change(self, listener: Callable[[Change[R]], None]) -> Callable[[], None]:
        """Call ``listener`` after every committed change, in order; the result takes it off again."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    async def create(self, record: R) -> R:
        """Store a new record; :class:`AlreadyExists` when its id is taken."""
        async with self._order:
            if record.id in self._records:
                raise AlreadyExists(record.id, f"{self.noun} {record.id} exists already")
            await self._execute(insert(self.TABLE).values(self._codec.row(record)), record.id)
            self._records[record.id] = record
            self._announce(Change("created", record.id, None, record))
        return record

    async def update(self, record_id: str, **changes: Any) -> R:
        """Store the record with the named fields changed; an update that changes nothing is not announced."""
        async with self._order:
            before = self.require(record_id)
            after: R = dataclasses.replace(before, **changes)
            if after.id != record_id:
                raise ValueError("an id does not change")
            if after == before:
                return before
            row = self._codec.row(after)
            await self._execute(update(self.TABLE).where(self.TABLE.c.id == record_id).values(row), record_id)
            self._records[record_id] = after
            self._announce(Change("updated", record_id, before, after))
        return after

    async def put(self, record: R) -> R:
        """Create the record, or replace the one of its id."""
        if record.id not in self._records:
            with contextlib.suppress(AlreadyExists):  # somebody else may create it while we wait for our turn
                return await self.create(record)
        values = {field.name: getattr(record, field.name) for field in dataclasses.fields(record)}
        return await self.update(record.id, **values)

    async def delete(self, record_id: str) -> R:
        """Remove and return the record; :class:`NotFound` when there is none, :class:`InUse` when it is referred to."""
        async with self._order:
            before = self.require(record_id)
            await self._execute(delete(self.TABLE).where(self.TABLE.c.id == record_id), record_id)
            del self._records[record_id]
            self._announce(Change("deleted", record_id, before, None))
        return before

    def _loaded(self) -> None:
        """A hook for subclasses with look-ups of their own."""

    async def _execute(self, statement: Any, record_id: str) -> None:
        try:
            async with self._database.write() as connection:
                await connection.execute(statement)
        except IntegrityError as error:
            raise InUse(record_id, f"{self.noun} {record_id} is in use, or names a record that is not there") from error

    def _announce(self, change: Change[R]) -> None:
        for listener in list(self._listeners):
            try:
                listener(change)
            except Exception:  # a listener's fault must not undo or hide a committed change
                _log.exception("change listener failed", table=self.TABLE.name, record=change.id)
