"""Whose fault a bad body is."""

from __future__ import annotations

from sip.errors import LocalError, RemoteError
from sip.manscdp.errors import ManscdpError, UnwritableError


def test_a_body_that_cannot_be_understood_is_the_peers_fault_and_says_where() -> None:
    error = ManscdpError("/Response/DeviceList/Item[0]/Status", "not a Status", "MAYBE")
    assert isinstance(error, RemoteError)
    assert str(error) == "/Response/DeviceList/Item[0]/Status: not a Status: 'MAYBE'"
    assert error.status == 400


def test_a_value_that_must_not_be_written_is_our_fault() -> None:
    error = UnwritableError("CatalogItem.status", "not a Status", "MAYBE")
    assert isinstance(error, LocalError)
    assert str(error) == "CatalogItem.status: not a Status ('MAYBE')"
    assert (error.where, error.what) == ("CatalogItem.status", "not a Status")
