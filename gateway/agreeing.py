"""Signing the agreement, in the record [R23] [R24].

Called by the commands and the demo, within a change. Raises OperatorError for what a person typed wrongly.
"""

from __future__ import annotations

from gateway.change import Change
from policy import agreement
from policy.agreement import Signature
from policy.audit.events import EventKind


def sign(change: Change, school_id: int, signature: Signature) -> Signature:
    """Take over that the school has signed; the signature as it is kept."""
    kept = agreement.record(change.connection, school_id, signature, change.at, recorded_by=change.actor)
    reason = f"{kept.version}, signed on {kept.signed_on} by {kept.signed_by}"
    change.record(EventKind.AGREEMENT_RECORDED, f"school:{school_id}", school=school_id, reason=reason)
    return kept
