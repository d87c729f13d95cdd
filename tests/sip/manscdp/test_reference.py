"""The reference table follows from the declarations."""

from __future__ import annotations

import sip.manscdp
from sip.manscdp.declaration import REGISTRY
from sip.manscdp.reference import ReferenceRow, reference_rows

assert sip.manscdp


def row(command: str, path: str) -> ReferenceRow:
    return next(r for r in reference_rows() if (r.command, r.path) == (command, path))


def test_every_declared_command_has_rows_and_every_element_says_what_it_is() -> None:
    rows = reference_rows()
    assert {r.command for r in rows} == {e.cls.__name__ for entries in REGISTRY.values() for e in entries}
    assert [r for r in rows if not r.about and (r.command, r.path) != ("Broadcast", "DeviceID")] == []
    assert len({(r.kind, r.command, r.path) for r in rows}) == len(rows)


def test_a_row_tells_path_type_presence_and_editions() -> None:
    status = row("CatalogResponse", "DeviceList/Item[]/Status")
    assert (status.kind, status.cmd_type, status.type, status.presence) == ("Response", "Catalog", "Status", "optional")
    assert status.editions == "2016, 2022"
    assert row("CatalogResponse", "DeviceList/Item[]/Owner").editions == "2016"
    assert row("CatalogResponse", "DeviceList/Item[]/Info/PointType").editions == "2022"
    assert row("CatalogResponse", "DeviceList/Item[]").presence == "list"
    assert row("Keepalive", "SN").presence == "mandatory"
    assert row("IFrameControl", "IFrameCmd").spelled == "IFameCmd"
    assert row("DragZoomInControl", "DragZoomIn").type == "group"
    assert row("DeviceUpgradeControl", "DeviceUpgrade/Firmware").editions == "2022"
