"""What the server offers in a key exchange: strong algorithms alone, by what the client can do.

A client picks the first cipher of its own list that the server offers too. OpenSSH prefers ChaCha20 and CTR, which cost
the server two to four times AES-GCM; libssh2 before 1.11 and paramiko before 3.5 know no AES-GCM at all. Pure.
"""

from __future__ import annotations

import re
from enum import StrEnum

KEX = (
    "mlkem768x25519-sha256",
    "curve25519-sha256",
    "curve25519-sha256@libssh.org",
)
MACS = (
    "hmac-sha2-256-etm@openssh.com",
    "hmac-sha2-512-etm@openssh.com",
    "hmac-sha2-256",
    "hmac-sha2-512",
)
HOST_KEYS = ("ssh-ed25519", "rsa-sha2-512", "rsa-sha2-256")
SIGNATURES = (  # of clients; the library takes SHA-1 and DSA too
    "ssh-ed25519",
    "sk-ssh-ed25519@openssh.com",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "rsa-sha2-512",
    "rsa-sha2-256",
)
_GCM = ("aes256-gcm@openssh.com", "aes128-gcm@openssh.com")
_STRICT = (*_GCM, "chacha20-poly1305@openssh.com")
_ALL = (*_STRICT, "aes256-ctr", "aes192-ctr", "aes128-ctr")
_OPENSSH = re.compile(r"SSH-2\.0-OpenSSH_(\d+)\.(\d+)")
_GCM_SINCE = (6, 2)  # OpenSSH 6.2 brought AES-GCM
_GO = re.compile(r"SSH-2\.0-(Go|rclone)\b")


class CipherOffer(StrEnum):
    """The setting `ssh.cipher_offer`."""

    AUTO = "auto"
    ALL = "all"
    STRICT = "strict"


def ciphers(offer: CipherOffer, client_version: str) -> tuple[str, ...]:
    """The ciphers for a client whose identification string (RFC 4253, section 4.2) is `client_version`."""
    if offer is CipherOffer.STRICT:
        return _STRICT
    found = _OPENSSH.match(client_version)
    if offer is CipherOffer.AUTO and found and (int(found[1]), int(found[2])) >= _GCM_SINCE:
        return _GCM
    return _ALL


def host_keys(client_version: str) -> tuple[str, ...]:
    """The host key algorithms for a client.

    Go's library, on which rclone is built, asks for RSA first and then looks in vain for that key in a known_hosts file
    in which OpenSSH entered Ed25519. It is offered Ed25519 alone, which it knows in every version.
    """
    return HOST_KEYS[:1] if _GO.match(client_version) else HOST_KEYS
