from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.concealed import concealed, is_secret


@pytest.mark.parametrize(
    ("raw", "masked"),
    [
        (
            "<Item><Password>s3cret</Password><Name>n</Name></Item>",
            "<Item><Password>***</Password><Name>n</Name></Item>",
        ),
        ("<PASSWORD>s3\r\ncret</PASSWORD >", "<PASSWORD>***</PASSWORD >"),
        ('<gb:Password type="1">s3cret</gb:Password>', '<gb:Password type="1">***</gb:Password>'),
        ("<UserPwd>s3cret</UserPwd><a/>", "<UserPwd>***</UserPwd><a/>"),
        ("<Password><![CDATA[s3</Password>cret]]></Password><a/>", "<Password>***</Password><a/>"),
        ("<Password><Value>s3cret</Value></Password>", "<Password>***</Password>"),
        ("<Password>s3cret", "<Password>***"),
        ("<Password><![CDATA[s3cret", "<Password>***"),
        ("<Password>s3cret</Password><Password>s3cret2</Password>", "<Password>***</Password><Password>***</Password>"),
        ("<Item password='s3cret' a='b'/>", "<Item password=\"***\" a='b'/>"),
        ('<Item Login.Passwd = "s3cret">x</Item>', '<Item Login.Passwd = "***">x</Item>'),
    ],
)
def test_passwords_are_masked_and_the_rest_stays(raw: str, masked: str) -> None:
    assert concealed(raw) == masked and "s3cret" not in masked
    assert concealed(masked) == masked


@pytest.mark.parametrize("raw", ["<Item><Name>东门</Name></Item>", "<Password/><Name>n</Name>", "", "no pwd here"])
def test_what_holds_no_password_stays_as_it_is(raw: str) -> None:
    assert concealed(raw) == raw


@pytest.mark.parametrize(
    ("name", "secret"), [("Password", True), ("LOGINPWD", True), ("PassedBy", False), ("Odd", False)]
)
def test_names_of_secrets(name: str, secret: bool) -> None:
    assert is_secret(name) is secret


@given(st.text(alphabet="<>/pasword:[]!CDAT =\"'", max_size=60), st.text(alphabet="xyz", min_size=6, max_size=9))
def test_no_neighbour_uncovers_a_password(around: str, secret: str) -> None:
    assert secret not in concealed(f"<a>{around.replace('<', '')}</a><Password>{secret}</Password>")
