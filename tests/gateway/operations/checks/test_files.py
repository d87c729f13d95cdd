from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from gateway.config import Config
from gateway.operations.checks.files import check_configuration_file, check_tls
from gateway.operations.checks.finding import Level
from gateway.secrets import Secret

NOW = datetime(2024, 6, 1, tzinfo=UTC)


def certificate(folder: Path, since: datetime, until: datetime) -> Config:
    """A configuration with a certificate of that validity and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "node")])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, since, until).sign(key, hashes.SHA256())
    )  # fmt: skip
    (folder / "c.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "k.pem").write_bytes(private)
    (folder / "k.pem").chmod(0o600)
    base = Config()
    return replace(base, http=replace(base.http, tls_certificate=str(folder / "c.pem"), tls_key=str(folder / "k.pem")))


def days(number: int) -> datetime:
    return NOW + timedelta(days=number)


@pytest.mark.parametrize(
    ("since", "until", "level", "words"),
    [
        (-1, 200, Level.OK, "valid until 2024-12-18"),
        (-1, 10, Level.WARNING, "10 days"),
        (-100, -1, Level.PROBLEM, "expired on 2024-05-31"),
        (5, 200, Level.PROBLEM, "from 2024-06-06 on"),
    ],
)
def test_a_certificate_is_told_by_its_validity(
    since: int, until: int, level: Level, words: str, tmp_path: Path
) -> None:
    validity, key = check_tls(certificate(tmp_path, days(since), days(until)), NOW.timestamp())
    assert validity.level is level and words in validity.text and key.level is Level.OK


def test_certificate_and_key_have_to_be_there_and_of_each_other(tmp_path: Path) -> None:
    config = certificate(tmp_path, days(-1), days(100))
    (tmp_path / "other").mkdir()
    other = certificate(tmp_path / "other", days(-1), days(100))
    mixed = replace(config, http=replace(config.http, tls_key=other.http.tls_key))
    assert check_tls(mixed, NOW.timestamp())[0].level is Level.PROBLEM
    (tmp_path / "c.pem").unlink()
    [found] = check_tls(config, NOW.timestamp())
    assert found.level is Level.PROBLEM and "cannot be used" in found.text


def test_a_key_everybody_may_read_is_in_the_way(tmp_path: Path) -> None:
    config = certificate(tmp_path, days(-1), days(100))
    (tmp_path / "k.pem").chmod(0o644)
    assert check_tls(config, NOW.timestamp())[1].level is Level.PROBLEM


def test_without_tls_the_api_belongs_on_this_machine() -> None:
    base = Config()
    [here] = check_tls(base, 0.0)
    [abroad] = check_tls(replace(base, http=replace(base.http, host="0.0.0.0")), 0.0)
    assert (here.level, abroad.level) == (Level.OK, Level.WARNING) and "proxy" in abroad.change


@pytest.mark.parametrize(
    ("mode", "secret", "level"),
    [
        (0o644, "", Level.OK),
        (0o640, "pw", Level.OK),
        (0o644, "pw", Level.PROBLEM),
        (0o666, "", Level.PROBLEM),
    ],
)
def test_a_configuration_with_secrets_is_not_for_everybody(
    mode: int, secret: str, level: Level, tmp_path: Path
) -> None:
    file = tmp_path / "g.toml"
    file.touch()
    file.chmod(mode)
    base = Config()
    config = replace(base, registrar=replace(base.registrar, shared_password=Secret(secret)))
    [found] = check_configuration_file(config, file)
    assert found.level is level and ("chmod" in found.change) == (level is Level.PROBLEM)


def test_no_configuration_file_is_fine() -> None:
    assert check_configuration_file(Config(), None)[0].level is Level.OK
