"""Names of ONVIF."""

from __future__ import annotations

from interop.onvif.names import qualified


def test_a_prefixed_name_is_qualified_and_a_plain_one_stays() -> None:
    assert qualified("tt:Name") == "{http://www.onvif.org/ver10/schema}Name"
    assert qualified("token") == "token"
