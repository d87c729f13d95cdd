from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from gateway.secrets import KEY_FILE, Secret, SecretBox, SecretsError, redact, redact_text


def test_a_secret_does_not_show_itself() -> None:
    secret = Secret("s3cret")
    assert "s3cret" not in f"{secret} {secret!r} {[secret]}" and secret.reveal() == "s3cret"
    assert secret == Secret("s3cret") and secret != Secret("x") and secret != "s3cret"
    assert hash(secret) == hash(Secret("s3cret")) and bool(secret) and not Secret("")
    assert (str(Secret("")), repr(Secret(""))) == ("", "Secret()")
    with pytest.raises(TypeError):
        pickle.dumps(secret)


def test_what_is_sealed_opens_with_the_key_in_the_data_directory(tmp_path: Path) -> None:
    sealed = SecretBox.open(tmp_path / "new").seal(Secret("密码"), "devices/1/password")
    again = SecretBox.open(tmp_path / "new")
    assert "密码" not in sealed and again.unseal(sealed, "devices/1/password") == Secret("密码")
    assert again.seal(Secret("密码"), "devices/1/password") != sealed


def test_the_key_is_for_its_owner_alone(tmp_path: Path) -> None:
    SecretBox.open(tmp_path)
    key = tmp_path / KEY_FILE
    assert key.stat().st_mode & 0o777 == 0o600
    key.chmod(0o640)
    with pytest.raises(SecretsError, match="0600"):
        SecretBox.open(tmp_path)


@pytest.mark.parametrize("content", [b"", b"not base64!", b"c2hvcnQ="])
def test_a_file_that_is_no_key_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / KEY_FILE).write_bytes(content)
    (tmp_path / KEY_FILE).chmod(0o600)
    with pytest.raises(SecretsError):
        SecretBox.open(tmp_path)


def test_a_sealed_secret_opens_only_where_it_belongs(tmp_path: Path) -> None:
    box, other = SecretBox.open(tmp_path / "a"), SecretBox.open(tmp_path / "b")
    sealed = box.seal(Secret("s3cret"), "devices/1/password")
    for attempt in (
        lambda: box.unseal(sealed, "devices/2/password"),
        lambda: other.unseal(sealed, "devices/1/password"),
        lambda: box.unseal(sealed[:-4] + "AAA=", "devices/1/password"),
        lambda: box.unseal("plain", "devices/1/password"),
        lambda: box.unseal("v1:###", "devices/1/password"),
    ):
        with pytest.raises(SecretsError, match="does not open"):
            attempt()


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ('REGISTER sip:x SIP/2.0\r\nAuthorization: Digest response="s3cret"\r\nCSeq: 1', "CSeq: 1"),
        ("proxy-authorization : Digest s3cret", "proxy-authorization"),
        ("Authorization: Digest a=b,\r\n\tresponse=s3cret,\n c=s3cret\r\nCSeq: 1", "CSeq: 1"),
        ("<Item><Password>s3cret</Password><Name>n</Name></Item>", "<Name>n</Name>"),
        ("<PASSWORD>s3\r\ncret s3cret</PASSWORD>", "<PASSWORD>"),
        ('<gb:Password a="1">s3cret</gb:Password><Name>n</Name>', "<Name>n</Name>"),
        ("/Response/DeviceList/Item[0]/Password: given twice: 's3cret'", "given twice"),
        ("Bearer s3cret-token-text", "Bearer"),
        ("GET /live/v1.mp4?token=s3cret&x=1", "x=1"),
    ],
)
def test_credentials_in_a_text_are_masked_and_the_rest_stays(text: str, kept: str) -> None:
    masked = redact_text(text)
    assert "s3cret" not in masked and "***" in masked and kept in masked


def test_secrets_in_a_structure_are_masked_by_name_and_shape() -> None:
    value = {
        "password": "s3cret",
        "nested": [{"api_key": "s3cret"}, ("Bearer s3cret-token-text",)],
        "raw": b"<Password>s3cret</Password>",
        "held": Secret("s3cret"),
        "Authorization": "Digest s3cret",
        "has_password": True,
        "token_id": "t1",
        "empty_password": "",
        "number": 7,
    }
    masked = redact(value)
    assert "s3cret" not in str(masked)
    assert masked["has_password"] is True and masked["token_id"] == "t1" and masked["number"] == 7
    assert masked["empty_password"] == "" and value["password"] == "s3cret"
