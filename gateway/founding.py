"""Making a home: folders, settings, secrets, keys, certificate, databases, and the clock's first mark.

Called by `ladocs init` and by the demo. All or nothing: whatever stands in the way leaves no home behind. Raises
OperatorError (status 2) for a place that is taken or settings that are wrong, OSError for a disk that fails.
"""

from __future__ import annotations

import ipaddress
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from config import secrets as kept
from config.clock import Clock
from config.database import Database
from config.entropy import Entropy
from config.errors import OperatorError
from config.files import make_private_folder, write_durably
from config.home import Home, mark_format, settings_file
from config.schema import Which, upgrade
from config.secrets import Secrets
from config.settings import Settings
from gateway.clockguard import mark, set_mark
from gateway.vault.keybox import KeyBox
from policy import categories

CERTIFICATE_LIFE = timedelta(days=397)  # the longest that browsers and Apple's clients accept
LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")
_SECRET_BYTES = 32
_RSA_BITS = 3072
_SYMMETRIC = (kept.PASSWORD_PEPPER, kept.TOTP_SEAL, kept.DEVICE_KEY, kept.RECORD_SIGNING, kept.RECORD_NAMES)


@contextmanager
def founding(
    path: Path,
    *,
    settings_text: str,
    environ: Mapping[str, str],
    clock: Clock,
    entropy: Entropy,
    hosts: Sequence[str] = LOCAL_HOSTS,
) -> Iterator[tuple[Home, Settings]]:
    """A home at `path`, which is missing or empty, with `settings_text` as its `ladocs.toml`.

    The block may fill it; when it raises, nothing stays. `hosts` are the names and addresses in the self-signed
    certificate, which the council replaces by its own. The asymmetric keys come from the cryptography library's own
    source of chance.
    """
    with emptied_on_failure(path):
        write_durably(settings_file(path), settings_text.encode())
        settings = Settings.load(path, environ)
        home = Home(path, settings.keys.dir)
        make_private_folder(home.store_dir)
        make_private_folder(home.run_dir)
        _make_secrets(Secrets(home.secrets_dir), hosts, clock, entropy)
        _make_databases(home, settings, clock)
        with emptied_on_failure(home.keys_dir):
            KeyBox(home.keys_dir, clock, entropy).create()
            yield home, settings
            mark_format(path)


@contextmanager
def emptied_on_failure(folder: Path) -> Iterator[None]:
    """What was put into the folder goes when the block raises. One that was there may be a volume, and stays."""
    if folder.exists() and (not folder.is_dir() or _contents(folder)):
        raise OperatorError(f"{folder} is not empty: name a folder that is, or one that does not exist.", exit_status=2)
    made = not folder.exists()
    make_private_folder(folder)
    try:
        yield
    except BaseException:
        for child in _contents(folder):
            if child.is_dir():
                shutil.rmtree(child)
            else:
                child.unlink()
        if made:
            folder.rmdir()
        raise


def _contents(folder: Path) -> list[Path]:
    """What lies in `folder`, but for what a volume has at its root from the day it is made."""
    return [child for child in folder.iterdir() if child.name != "lost+found"]


def _make_secrets(secrets: Secrets, hosts: Sequence[str], clock: Clock, entropy: Entropy) -> None:
    for name in _SYMMETRIC:
        secrets.create(name, entropy(_SECRET_BYTES))
    secrets.create(kept.HOST_KEY_ED25519, _private(ed25519.Ed25519PrivateKey.generate(), PrivateFormat.OpenSSH))
    rsa_key = rsa.generate_private_key(public_exponent=65537, key_size=_RSA_BITS)
    secrets.create(kept.HOST_KEY_RSA, _private(rsa_key, PrivateFormat.OpenSSH))
    tls_key = ec.generate_private_key(ec.SECP256R1())
    secrets.create(kept.TLS_KEY, _private(tls_key, PrivateFormat.PKCS8))
    secrets.create(kept.TLS_CERTIFICATE, _certificate(tls_key, hosts, clock).public_bytes(Encoding.PEM))


def _private(
    key: ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, form: PrivateFormat
) -> bytes:
    return key.private_bytes(Encoding.PEM, form, NoEncryption())


def _certificate(key: ec.EllipticCurvePrivateKey, hosts: Sequence[str], clock: Clock) -> x509.Certificate:
    """Self-signed, for `hosts`; its own issuer, so that clients are given it as the authority to trust."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hosts[0])])
    public = key.public_key()
    usage = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(clock.now() - timedelta(days=1))
        .not_valid_after(clock.now() + CERTIFICATE_LIFE)
        .add_extension(x509.SubjectAlternativeName([_alternative(host) for host in hosts]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(public), critical=False)
    )
    return builder.sign(key, hashes.SHA256())


def _alternative(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _make_databases(home: Home, settings: Settings, clock: Clock) -> None:
    upgrade(settings.main_url(home.path), Which.MAIN)
    upgrade(settings.record_url(home.path), Which.AUDIT)
    database = Database(settings.main_url(home.path))
    try:
        with database.write() as connection:
            if mark(connection) is not None:
                raise OperatorError(
                    "The database of these settings belongs to another home: give database.url an empty one.",
                    exit_status=2,
                )
            categories.ensure(connection, settings.categories)
            set_mark(connection, clock.now())
    finally:
        database.dispose()
