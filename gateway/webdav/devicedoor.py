"""Signing in to the drive: a device password, verified once and remembered until something revokes it [R16].

Called by `app` for each request that carries credentials. Account passwords are never even compared here. Thread-safe.
"""

from __future__ import annotations

from auth.authenticator import Authenticator
from auth.principal import Kind, Peer, Principal
from auth.verdicts import Refusal
from auth.verified import VerifiedDevices
from gateway.errors import Unavailable
from gateway.faults import as_fs_errors
from gateway.session import Sessions
from gateway.webdav.basic import Credentials
from gateway.webdav.door import Admitted


class DeviceDoor:
    """The door of `webdav`, over the authenticator and the shared sessions."""

    def __init__(self, authenticator: Authenticator, verified: VerifiedDevices, sessions: Sessions) -> None:
        self._authenticator = authenticator
        self._verified = verified
        self._sessions = sessions

    def admit(self, credentials: Credentials, peer: Peer) -> Admitted | None:
        """The session of this device and address. Raises FSError."""
        with as_fs_errors():
            principal = self._principal(credentials, peer)
        if principal is None:
            return None
        fs = self._sessions.for_device(principal, peer).fs
        return Admitted(principal.account_id, fs, is_service=principal.kind is Kind.SERVICE)

    def _principal(self, credentials: Credentials, peer: Peer) -> Principal | None:
        known = self._verified.look_up(credentials.username, credentials.password, peer)
        return known if known is not None else self._authenticate(credentials, peer)

    def _authenticate(self, credentials: Credentials, peer: Peer) -> Principal | None:
        candidate = self._authenticator.candidate(credentials.username, peer)
        proof = self._authenticator.check_device(candidate, credentials.password)
        if proof is None:
            return None
        outcome = self._authenticator.authenticate(candidate, [proof])
        if isinstance(outcome, Refusal):
            if outcome.message is not None:
                raise Unavailable(outcome.message, standing=True)
            return None
        self._verified.put(credentials.username, credentials.password, peer, outcome)
        return outcome
