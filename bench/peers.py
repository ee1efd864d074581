"""The servers to compare with, each with the same files and nothing on but what serving them takes.

Called by `__main__`. Every peer is Debian's package with a configuration of its own below the temporary folder; the
services that packages bring are left alone. A peer that is not installed is named with its package.
"""

from __future__ import annotations

import base64
import getpass
import hashlib
import os
import re
import secrets
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from bench.processes import HOST, Server, found, free_port, listening, output_of, running
from bench.target import APACHE, BIG, LISTED, OPENSSH, RCLONE, SMALL, Target

_USER = "bench"
_APACHE_MODULES = Path("/usr/lib/apache2/modules")
_APACHE_USER = "www-data"
_VERSION = re.compile(r"OpenSSH_[\w.]+|rclone v[\w.+-]+|Apache/[\d.]+")
_SSHD_NEEDS = Path("/run/sshd")  # built into Debian's sshd, wanted when root starts it

_SSHD = """\
ListenAddress {host}:{port}
HostKey {folder}/host
AuthorizedKeysFile {folder}/client.pub
PidFile none
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
UsePAM no
UseDNS no
MaxStartups 100
Subsystem sftp internal-sftp
"""
_APACHE = """\
ServerName localhost
DefaultRuntimeDir {folder}
PidFile {folder}/apache.pid
ErrorLog {folder}/apache.log
{modules}
TypesConfig /etc/mime.types
User {user}
Group {user}
Listen {host}:{port}
DavLockDB {folder}/davlock
MaxKeepAliveRequests 0
DocumentRoot {plain}
<Directory {plain}>
  Dav On
  AuthType Basic
  AuthName bench
  AuthUserFile {folder}/htpasswd
  <LimitExcept GET HEAD OPTIONS PROPFIND>
    Require all denied
  </LimitExcept>
  Require valid-user
</Directory>
"""
_MODULES = ("mpm_event", "authn_core", "authn_file", "authz_core", "authz_user", "auth_basic", "dav", "dav_fs", "mime")


@contextmanager
def _openssh(folder: Path, plain: Path) -> Iterator[Target]:
    """OpenSSH's sshd with the SFTP server built into it."""
    port, sshd = free_port(), _where("sshd")
    output_of(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / "host")])
    config = folder / "sshd.conf"
    config.write_text(_SSHD.format(host=HOST, port=port, folder=folder))
    with _present(_SSHD_NEEDS) if os.geteuid() == 0 else nullcontext():
        command = [sshd, "-D", "-e", "-f", str(config)]
        with running(command, folder / "sshd.log", lambda: listening(port)) as server:
            yield Target(
                name=OPENSSH,
                server=server,
                port=port,
                user=getpass.getuser(),
                key=folder / "client",
                big=str(plain / BIG),
                small=str(plain / SMALL),
                listed=str(plain / LISTED),
            )


@contextmanager
def _rclone(folder: Path, plain: Path) -> Iterator[Target]:
    """`rclone serve webdav`."""
    port, password = free_port(), secrets.token_hex(8)
    command = [_where("rclone"), "serve", "webdav", str(plain), "--addr", f"{HOST}:{port}", "--read-only"]
    command += ["--config", os.devnull, "--user", _USER, "--pass", password]
    with running(command, folder / "rclone.log", lambda: listening(port)) as server:
        yield _webdav(RCLONE, server=server, port=port, password=password)


@contextmanager
def _apache(folder: Path, plain: Path) -> Iterator[Target]:
    """Apache with mod_dav. The password's hash is a quick one, so that the files are measured and not the hash."""
    port, password = free_port(), secrets.token_hex(8)
    digest = base64.b64encode(hashlib.sha1(password.encode(), usedforsecurity=False).digest()).decode()
    (folder / "htpasswd").write_text(f"{_USER}:{{SHA}}{digest}\n")
    modules = "\n".join(f"LoadModule {name}_module {_APACHE_MODULES}/mod_{name}.so" for name in _MODULES)
    config = folder / "apache.conf"
    config.write_text(
        _APACHE.format(host=HOST, port=port, folder=folder, plain=plain, modules=modules, user=_APACHE_USER)
    )
    command = [_where("apache2"), "-f", str(config), "-DFOREGROUND"]
    with running(command, folder / "apache.out", lambda: listening(port)) as server:
        yield _webdav(APACHE, server=server, port=port, password=password)


def _webdav(name: str, *, server: Server, port: int, password: str) -> Target:
    return Target(
        name=name,
        server=server,
        port=port,
        user=_USER,
        password=password,
        big=f"/{BIG}",
        small=f"/{SMALL}",
        listed=f"/{LISTED}",
    )


def _where(program: str) -> str:
    path = found(program)
    assert path is not None, "only what is installed is started"
    return path


@contextmanager
def _present(folder: Path) -> Iterator[None]:
    """`folder` exists during the block, and after it if it did before."""
    made = not folder.exists()
    folder.mkdir(mode=0o755, exist_ok=True)
    try:
        yield
    finally:
        if made:
            folder.rmdir()


@dataclass(frozen=True, slots=True)
class Peer:
    """A program, Debian's package of it, how it is started on (folder, files), and what makes it say its version."""

    program: str
    package: str
    start: Callable[[Path, Path], AbstractContextManager[Target]]
    version_option: str
    over_sftp: bool = False

    @property
    def installed(self) -> bool:
        """Whether it is there."""
        return found(self.program) is not None

    def version(self) -> str:
        """Its version, in its own words."""
        said = subprocess.run([_where(self.program), self.version_option], capture_output=True, text=True, check=False)
        match = _VERSION.search(said.stdout + said.stderr)
        return match[0] if match else "unknown"


PEERS: Mapping[str, Peer] = {
    OPENSSH: Peer("sshd", "openssh-server", _openssh, "-V", over_sftp=True),
    RCLONE: Peer("rclone", "rclone", _rclone, "--version"),
    APACHE: Peer("apache2", "apache2", _apache, "-v"),
}
