"""What the record hears from one session: each act of the file system as one event, in the record's words.

Called by the file system alone, before a name or a byte leaves. Thread-safe. Raises RecordUnavailable, and then nothing
may leave. A refused path is never said in clear: its folder, and a keyed hash of the rest.
"""

from __future__ import annotations

import logging
from datetime import datetime

from auth.principal import Principal
from config.outages import in_one_line
from gateway.catalogue import Folder, Found
from gateway.errors import Damaged
from gateway.path import VirtualPath
from policy.access import Reason
from policy.audit.events import Event, EventKind, Result
from policy.audit.grants import Grants
from policy.audit.reading import FileGrant

log = logging.getLogger(__name__)


class Witness:
    """The record's side of one session."""

    def __init__(self, grants: Grants, principal: Principal, session_id: str, client: str) -> None:
        self._grants = grants
        self._principal = principal
        self._session_id = session_id
        self._client = client

    def browsed(self, key: str, school_id: int | None, at: datetime) -> None:
        """Names and attributes of the folder `key` may leave."""
        self._grants.browse(self._event(EventKind.FOLDER_BROWSE, Result.PERMIT, at, school=school_id, object=key))

    def opened(self, found: Found, at: datetime) -> FileGrant:
        """Bytes of `found` may leave, as far as the grant covers them."""
        return self._grants.file(self._of(EventKind.FILE_OPEN, Result.PERMIT, found, at), found.size)

    def opened_about(self, at: datetime) -> FileGrant:
        """Bytes of the root's text may leave."""
        return self._grants.file(self._event(EventKind.FILE_OPEN, Result.PERMIT, at, object="about"))

    def refused(self, reason: Reason, at: datetime, *, folder: Folder | None = None, name: str = "") -> None:
        """A path, or everything, is refused for `reason`."""
        hashed = self._grants.hashed_name(folder.key if folder else "", name) if name else ""
        school = folder.school_id if folder else None
        self._grants.refused(
            self._event(EventKind.READ_REFUSED, Result.DENY, at, school=school, object=hashed, reason=reason)
        )

    def refused_document(self, found: Found, reason: Reason, at: datetime) -> None:
        """A document that is there is refused for the true `reason`, which its reader is not told."""
        self._grants.refused(self._of(EventKind.READ_REFUSED, Result.DENY, found, at, reason))

    def refused_write(self, path: VirtualPath, operation: str, at: datetime) -> None:
        """`operation` on `path` is refused: there is no verb for it."""
        hashed = self._grants.hashed_name("", str(path))
        self._grants.refused(self._event(EventKind.WRITE_REFUSED, Result.DENY, at, object=hashed, reason=operation))

    def damaged(self, found: Found, error: Damaged, at: datetime) -> None:
        """A stored document is missing or fails its tag: an alarm in the log, and a line of the record."""
        cause = in_one_line(error.__cause__ or error)
        log.error("document %s cannot be read from the store: %s", found.reference, cause)
        self._grants.refused(self._of(EventKind.DOCUMENT_DAMAGED, Result.ERROR, found, at, Reason.STORE_FAILED))

    def damaged_name(self, folder: Folder, delivery_id: bytes, at: datetime) -> None:
        """A delivery's sealed name does not open: it was changed, or moved from another row."""
        log.error("the name of delivery %s cannot be opened: its row was changed", delivery_id.hex())
        self._grants.refused(
            self._event(
                EventKind.DOCUMENT_DAMAGED,
                Result.ERROR,
                at,
                school=folder.school_id,
                object=delivery_id.hex(),
                reason=Reason.STORE_FAILED,
            )
        )

    def ended(self, at: datetime, why: str = "") -> None:
        """The session is over: what is still to be said of it, and then that. Waits for nothing, raises nothing.

        `why` is given where it was ended.
        """
        self._grants.end_session(self._session_id)
        self._grants.signed_out(self._event(EventKind.SIGN_OUT, Result.PERMIT, at, reason=why))

    def _of(self, kind: EventKind, result: Result, found: Found, at: datetime, reason: str = "") -> Event:
        return self._event(
            kind,
            result,
            at,
            school=found.resource.school_id,
            object=found.object.object_id.hex(),
            reference=found.reference,
            reason=reason,
        )

    def _event(
        self,
        kind: EventKind,
        result: Result,
        at: datetime,
        *,
        school: int | None = None,
        object: str = "",
        reference: str = "",
        reason: str = "",
    ) -> Event:
        return Event(
            event=kind,
            at=at,
            result=result,
            actor=self._principal.account_id,
            school=school,
            address=self._principal.address,
            client=self._client,
            protocol=self._principal.door,
            session=self._session_id,
            object=object,
            reference=reference,
            reason=reason,
        )
