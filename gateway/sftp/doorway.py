"""What the SFTP door is built with: one frozen value, made once a process."""

from __future__ import annotations

from dataclasses import dataclass, field

from asyncssh import SSHKey, import_private_key

from config.clock import Clock
from config.entropy import Entropy
from gateway.sftp.algorithms import CipherOffer
from gateway.sftp.limits import SftpLimits
from gateway.sftp.ports import Authenticator, Sessions


@dataclass(frozen=True, kw_only=True, slots=True)
class Doorway:
    """`host_keys` are private keys in OpenSSH's or PEM form; `banner` is told to a person who has signed in [R36]."""

    authenticator: Authenticator
    sessions: Sessions
    clock: Clock
    entropy: Entropy
    host_keys: tuple[bytes, ...] = field(repr=False)
    banner: str = ""
    limits: SftpLimits = field(default_factory=SftpLimits)
    cipher_offer: CipherOffer = CipherOffer.AUTO

    def server_keys(self) -> list[SSHKey]:
        """The host keys, ready to sign. Raises asyncssh.KeyImportError."""
        return [import_private_key(key) for key in self.host_keys]
