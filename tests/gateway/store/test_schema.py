from __future__ import annotations

import dataclasses

import pytest
from sqlalchemy import Table

from catalog.store.schema import metadata as catalog_metadata
from gateway.store import schema
from gateway.store.devices import Device
from gateway.store.dialogs import StoredDialog
from gateway.store.registrations import Registration
from gateway.store.rules import Rule
from gateway.store.subscriptions import StoredSubscription
from gateway.store.uppers import Upper
from gateway.store.users import Token, User
from gateway.store.views import View

RECORDS = [
    (schema.devices, Device),
    (schema.uppers, Upper),
    (schema.rules, Rule),
    (schema.dialogs, StoredDialog),
    (schema.subscriptions, StoredSubscription),
    (schema.views, View),
    (schema.users, User),
    (schema.tokens, Token),
]


def test_catalogue_and_gateway_share_one_metadata() -> None:
    assert schema.metadata is catalog_metadata
    assert {table.name for table in schema.TABLES} <= schema.metadata.tables.keys()


@pytest.mark.parametrize(("table", "record"), RECORDS, ids=lambda item: getattr(item, "name", None))
def test_the_columns_are_the_fields_of_the_record(table: Table, record: type) -> None:
    assert {column.name for column in table.columns} == {field.name for field in dataclasses.fields(record)}


def test_a_registration_is_stored_with_its_side() -> None:
    names = {field.name for field in dataclasses.fields(Registration)}
    assert {column.name for column in schema.registrations.columns} == names | {"side"}
