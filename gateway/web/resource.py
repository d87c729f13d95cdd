"""The five routes of a kind of record: list, show, create, change, remove. Every change is audited and acts at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from gateway.secrets import Secret
from gateway.store.repository import Record, Repository
from gateway.web.audit import audited
from gateway.web.errors import wrong_field
from gateway.web.route import Access, Call, Route

R = TypeVar("R", bound=Record)
MASKED = "***"


class Strict(BaseModel):
    """A body that refuses fields it does not know."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class ListQuery(Strict):
    """A page of records, ordered by id."""

    after: str = Field("", description="Records after this id", max_length=1024)
    limit: int = Field(100, ge=1, le=1000)
    text: str = Field("", description="Only records with this in their id or name", max_length=64)


@dataclass(frozen=True, slots=True)
class Resource(Generic[R]):
    """How one kind of record is shown and changed.

    ``show`` gives the JSON of a record; ``make`` turns the create body into a record; ``changes`` turns the fields
    given in a change into fields of the record; ``guard`` raises when a change or removal (after is None) must not be.
    """

    noun: str
    repository: Repository[R]
    create_body: type[BaseModel]
    change_body: type[BaseModel]
    shown: type[BaseModel]
    show: Callable[[R], BaseModel]
    make: Callable[[Any], Awaitable[R]]
    changes: Callable[[R, dict[str, Any]], Awaitable[dict[str, Any]]]
    guard: Callable[[Call, R, R | None], None]
    read: Access = "operator"
    write: Access = "admin"

    def routes(self) -> list[Route]:
        """The five routes under ``/api/v1/<noun>s``."""
        many, one = f"/api/v1/{self.noun}s", f"/api/v1/{self.noun}s/{{id}}"
        noun, tag = self.noun, f"{self.noun}s"
        return [
            Route("GET", many, self._list, f"List {noun}s", self.read, tag, query=ListQuery, reply=dict[str, Any]),
            Route("GET", one, self._get, f"Show a {noun}", self.read, tag, reply=self.shown),
            Route(
                "POST", many, self._create, f"Create a {noun}", self.write, tag, self.create_body, None, self.shown, 201
            ),
            Route("PATCH", one, self._change, f"Change a {noun}", self.write, tag, self.change_body, None, self.shown),
            Route("DELETE", one, self._remove, f"Remove a {noun}", self.write, tag, status=204),
        ]

    async def _list(self, call: Call) -> dict[str, Any]:
        query = call.query(ListQuery)
        matching = [record for record in self.repository.all() if _matches(record, query.text)]
        following = [record for record in matching if record.id > query.after]
        page = following[: query.limit]
        next_after = page[-1].id if len(following) > len(page) else None
        return {"items": [self.show(record) for record in page], "total": len(matching), "next": next_after}

    async def _get(self, call: Call) -> BaseModel:
        return self.show(self.repository.require(call.path("id")))

    async def _create(self, call: Call) -> BaseModel:
        body = call.body(self.create_body)
        record = await self.make(body)
        async with audited(call, f"{self.noun}.create", record.id, {"fields": loggable(body.model_dump())}):
            await self.repository.create(record)
        return self.show(record)

    async def _change(self, call: Call) -> BaseModel:
        given = call.body(self.change_body).model_dump(exclude_unset=True)
        before = self.repository.require(call.path("id"))
        changes = await self.changes(before, given)
        before = self.repository.require(before.id)
        after = _replaced(before, changes)
        self.guard(call, before, after)
        async with audited(call, f"{self.noun}.change", before.id, {"fields": loggable(given)}):
            after = await self.repository.update(before.id, **changes)
        return self.show(after)

    async def _remove(self, call: Call) -> None:
        before = self.repository.require(call.path("id"))
        self.guard(call, before, None)
        async with audited(call, f"{self.noun}.remove", before.id):
            await self.repository.delete(before.id)


def _replaced(record: R, changes: dict[str, Any]) -> R:
    values = {name: getattr(record, name) for name in type(record).__dataclass_fields__}
    return type(record)(**(values | changes))


def _matches(record: Record, text: str) -> bool:
    return not text or text in record.id or text.lower() in str(getattr(record, "name", "")).lower()


def loggable(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields of a body as the ledger takes them: secrets masked, tuples as lists."""
    return {name: MASKED if isinstance(value, SecretStr) else _plain(value) for name, value in fields.items()}


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple | set | frozenset) else value


def secret(value: SecretStr | None) -> Secret:
    """The stored form of a password field."""
    return Secret(value.get_secret_value() if value is not None else "")


def refuse_null(given: dict[str, Any], optional: Iterable[str]) -> None:
    """Raise 400 when a field that must have a value is given as null."""
    wrong = sorted(name for name, value in given.items() if value is None and name not in set(optional))
    if wrong:
        raise wrong_field(wrong[0], "must not be null", "不能为空")


def unguarded(_call: Call, _before: Any, _after: Any) -> None:
    """The guard of records that may always be changed."""
