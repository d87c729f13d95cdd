"""How a MANSCDP command is declared: one typed dataclass, from which everything else about it derives.

`@command(Kind.QUERY, "Catalog")` above a class and `element("StartTime", ...)` for its fields are the single
source of parser, writer, element order, edition gates, enumeration checks, error paths, generated test values
and the reference page. This file knows how facts are declared, not how they are read or written.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, dataclass, field, fields
from enum import IntEnum, StrEnum
from typing import Any, TypeVar, dataclass_transform

from sip.manscdp.values import ValueType

T = TypeVar("T")


class Edition(IntEnum):
    """Edition of GB/T 28181 a peer speaks."""

    V2011 = 2011
    V2016 = 2016
    V2022 = 2022

    @classmethod
    def of_version(cls, x_gb_ver: str | None) -> Edition:
        """Edition named by an X-GB-Ver header ("1.0", "2.0", "3.0"; GB/T 28181-2022 Annex I); absent means 2016."""
        major = (x_gb_ver or "").strip().partition(".")[0]
        return {"1": cls.V2011, "2": cls.V2016, "3": cls.V2022}.get(major, cls.V2016)


class Kind(StrEnum):
    """Command class = name of the root element (A.1): control, query, notification or answer."""

    CONTROL = "Control"
    QUERY = "Query"
    NOTIFY = "Notify"
    RESPONSE = "Response"


@dataclass(frozen=True, slots=True)
class Extra:
    """An element this project gives no meaning to, kept for pass-through."""

    name: str
    text: str = ""
    attributes: tuple[tuple[str, str], ...] = ()
    children: tuple[Extra, ...] = ()


@dataclass(frozen=True, slots=True)
class Element:
    """The declared facts of one element, kept in its dataclass field's metadata.

    within: name of the element that wraps it (Info, DeviceList ...). counted: the wrapper carries Num=.
    old_name: the name up to the 2016 edition, accepted always. since/until: first and last edition that has it.
    marks: its presence selects this class among those of one command. many: it repeats.
    tolerance: name of the tolerance under which its absence means `assumed`.
    """

    name: str
    about: str = ""
    value: ValueType | None = None
    within: str | None = None
    counted: bool = False
    keep_wrapper: bool = False
    many: bool = False
    old_name: str | None = None
    since: Edition = Edition.V2011
    until: Edition = Edition.V2022
    marks: bool = False
    aliases: tuple[str, ...] = ()
    tolerance: str = ""
    assumed: Any = None


_METADATA = "manscdp"


def element(
    name: str,
    *,
    default: Any = MISSING,
    value: ValueType | None = None,
    within: str | None = None,
    old_name: str | None = None,
    since: Edition = Edition.V2011,
    until: Edition = Edition.V2022,
    marks: bool = False,
    aliases: tuple[str, ...] = (),
    tolerance: str = "",
    assumed: Any = None,
    about: str = "",
) -> Any:
    """One element, at most once. No default: mandatory. The annotation gives the type unless `value` does."""
    facts = Element(
        name, about, value, within, old_name=old_name, since=since, until=until, marks=marks, aliases=aliases,
        tolerance=tolerance, assumed=assumed,
    )  # fmt: skip
    return field(default=default, metadata={_METADATA: facts})


def listed(
    name: str,
    *,
    default_factory: Callable[[], list[Any]],
    within: str | None = None,
    counted: bool = False,
    keep_wrapper: bool = False,
    value: ValueType | None = None,
    since: Edition = Edition.V2011,
    until: Edition = Edition.V2022,
    aliases: tuple[str, ...] = (),
    about: str = "",
) -> Any:
    """A repeated element; `within` names the list element, `counted` gives that one its Num attribute.

    An empty list leaves the list element out (16 Annex N) unless `keep_wrapper`.
    """
    facts = Element(
        name, about, value, within, counted, keep_wrapper, True, since=since, until=until, aliases=aliases
    )  # fmt: skip
    return field(default_factory=default_factory, metadata={_METADATA: facts})


def extension(*, default_factory: Callable[[], list[Any]]) -> Any:
    """The free extension texts: `ExtraInfo` in the 2022 edition, text-only `Info` before (A.1)."""
    facts = Element("ExtraInfo", "free extension text, at most 1024 characters each", many=True, old_name="Info")
    return field(default_factory=default_factory, metadata={_METADATA: facts})


def facts_of(cls: type) -> list[tuple[str, Element]]:
    """(attribute, declared facts) of each element of a declared class, in sending order."""
    return [(f.name, f.metadata[_METADATA]) for f in fields(cls) if _METADATA in f.metadata]


@dataclass(frozen=True, slots=True)
class Entry:
    """One registered command class.

    markers: elements whose presence selects it among those of one command type. told_by: an element that gives it
    away even under the root of its counterpart.
    """

    kind: Kind
    cmd_type: str
    cls: type[Command]
    markers: tuple[str, ...]
    aliases: tuple[str, ...]
    since: Edition
    told_by: str


Registry = dict[tuple[Kind, str], list[Entry]]
"""(kind, lower-case command type) -> the classes declared for it."""

REGISTRY: Registry = {}
"""The commands of this project: what the codec reads and the reference page lists."""

_ENTRY_OF: dict[type, Entry] = {}


def entry_of(cls: type) -> Entry | None:
    """The registration of a command class (None: not a declared command)."""
    return _ENTRY_OF.get(cls)


@dataclass_transform(kw_only_default=True, field_specifiers=(element, listed, extension, field))
def structure(cls: type[T]) -> type[T]:
    """Class decorator: a declared group of elements (a list item, an Info block)."""
    return dataclass(slots=True, kw_only=True)(cls)


@dataclass_transform(kw_only_default=True, field_specifiers=(element, listed, extension, field))
def command(
    kind: Kind,
    cmd_type: str,
    *,
    aliases: tuple[str, ...] = (),
    since: Edition = Edition.V2011,
    told_by: str = "",
    registry: Registry = REGISTRY,
) -> Callable[[type[T]], type[T]]:
    """Class decorator: a declared command, registered under (kind, command type[, marker element])."""

    def declare(cls: type[T]) -> type[T]:
        made = dataclass(slots=True, kw_only=True)(cls)
        assert issubclass(made, Command)
        markers = tuple(
            name
            for _, facts in facts_of(made)
            if facts.marks
            for name in (facts.name, facts.old_name, *facts.aliases)
            if name
        )
        entry = Entry(kind, cmd_type, made, markers, aliases, since, told_by)
        for spelling in (cmd_type, *aliases):
            registry.setdefault((kind, spelling.lower()), []).append(entry)
        _ENTRY_OF[made] = entry
        return made

    return declare


@structure
class Structure:
    """Base of every declared group of elements."""

    extra: tuple[Extra, ...] = field(default=(), repr=False)

    def after_reading(self) -> None:
        """Called once when read: settles values that moved between editions."""

    def for_edition(self, edition: Edition) -> Structure:
        """What to write to a peer of `edition`; the object itself unless a value has another place there."""
        return self


@structure
class Command(Structure):
    """Base of every command: sequence number and the addressed object (A.1).

    sn: 1 to 2^31-1, echoed by the answer; 0 when the peer sent none.
    """

    sn: int = element("SN", tolerance="sn_missing", assumed=0, about="命令序列号, echoed by the answer")
    device_id: str = element(
        "DeviceID",
        tolerance="device_id_missing",
        assumed="",
        about="目标/源设备编码: the object addressed or reporting",
    )
