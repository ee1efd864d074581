"""Sign-ins in the record: implements `auth.verdicts.Recorder` over the audit log.

A sign-in is durable before it succeeds; refusals are bounded against strangers and wait for nothing. Thread-safe;
`signed_in` raises RecordUnavailable, and then nobody is signed in.
"""

from __future__ import annotations

from auth.principal import Candidate, Factor, Peer, Principal
from config.clock import Clock
from policy.audit.events import Event, EventKind, Result
from policy.audit.log import AuditLog
from policy.audit.strangers import Strangers


class AuditRecorder:
    """Writes who came in and what was refused."""

    def __init__(self, log: AuditLog, strangers: Strangers, clock: Clock) -> None:
        self._log = log
        self._strangers = strangers
        self._clock = clock

    def signed_in(self, principal: Principal, peer: Peer) -> None:
        """`principal` is about to be let in."""
        self._log.record(
            Event(
                event=EventKind.SIGN_IN,
                at=principal.authenticated_at,
                result=Result.PERMIT,
                actor=principal.account_id,
                address=peer.address,
                client=peer.client,
                protocol=peer.door,
                object=_credential(principal),
                reason=" + ".join(sorted(principal.factors)),
            )
        )

    def refused(self, candidate: Candidate, reason: str) -> None:
        """A factor or a sign-in was refused. What was typed as a name is not kept."""
        self._strangers.refused(
            Event(
                event=EventKind.SIGN_IN_REFUSED,
                at=self._clock.now(),
                result=Result.DENY,
                actor=candidate.account_id,
                address=candidate.peer.address,
                client=candidate.peer.client,
                protocol=candidate.peer.door,
                reason=reason,
            )
        )


def _credential(principal: Principal) -> str:
    """The key or device password that somebody came by; empty for a password, of which each has one."""
    if principal.credential_id is None:
        return ""
    kind = "device" if Factor.DEVICE_PASSWORD in principal.factors else "key"
    return f"{kind}:{principal.credential_id}"
