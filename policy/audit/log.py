"""`AuditLog`: events become durable here, or nothing leaves.

One per process, shared by all its threads. `record` returns after COMMIT; concurrent callers share a commit, and the
next batch forms while one runs (no lingering: a single caller waits for nobody). When the database is locked, full,
read-only or gone, callers are refused at once and one second later it is tried afresh. When a flush itself fails, no
later success could be believed: everything is refused from then on and `on_fatal` ends the process.
"""

from __future__ import annotations

import logging
import os
import threading
from collections import deque
from collections.abc import Callable, Sequence

from config import outages
from config.clock import Clock
from config.entropy import Entropy
from policy.audit import names
from policy.audit.chain import Chain, DatabaseReplaced, Head
from policy.audit.events import Event, EventKind, RecordUnavailable, Result
from policy.audit.faults import disk_full, flush_failed
from policy.audit.payload import encode
from policy.audit.space import Reserve

EXIT_FLUSH_FAILED = 74  # EX_IOERR: the parent starts another after a pause and does not count it as a crash
BATCH_LIMIT = 2048
QUEUE_LIMIT = 20_000
RETRY_SECONDS = 1.0
HEARTBEAT_SECONDS = 60.0

_log = logging.getLogger("ladocs.record")


class _Waiting:
    """Payloads of one call. `posted` ones have nobody waiting and survive a failed commit."""

    __slots__ = ("abandoned", "done", "error", "payloads", "posted")

    def __init__(self, payloads: tuple[bytes, ...], *, posted: bool) -> None:
        self.payloads = payloads
        self.posted = posted
        self.done = threading.Event()
        self.error: BaseException | None = None
        self.abandoned = False


def end_process(error: BaseException) -> None:
    """Leave with status 74, half a second from now: time enough for the refusals on their way."""
    outages.tell(_log, "a flush of the record failed and this process ends", error, level=logging.CRITICAL)
    threading.Timer(0.5, os._exit, (EXIT_FLUSH_FAILED,)).start()


class AuditLog:
    """The writing end of the record. Thread-safe. Raises only RecordUnavailable (and ValueError for a wrong event)."""

    def __init__(
        self,
        database_url: str,
        *,
        clock: Clock,
        entropy: Entropy,
        name_key: bytes,
        timeout: float = 2.0,
        on_fatal: Callable[[BaseException], None] = end_process,
        reserve: Reserve | None = None,
    ) -> None:
        """`timeout` in seconds bounds `record`; `reserve` is given up when the disk is full."""
        self._chain = Chain(database_url, clock, entropy)
        self._clock = clock
        self._name_key = name_key
        self._timeout = timeout
        self._on_fatal = on_fatal
        self._reserve = reserve
        self._queue: deque[_Waiting] = deque()
        self._queued = 0
        self._busy = False
        self._changed = threading.Condition()
        self._retry_at: float | None = None
        self._fatal = False
        self._open = False
        self._head = Head()
        self._last_heartbeat: float | None = None
        self._thread = threading.Thread(target=self._run, name="record-writer", daemon=True)

    def start(self) -> None:
        """Start the writer thread; once."""
        self._open = True
        self._thread.start()

    def close(self) -> None:
        """Write what is queued, then refuse everything. Waits at most ten seconds."""
        with self._changed:
            started, self._open = self._open, False
            self._changed.notify_all()
        if started:
            self._thread.join(10.0)
        if not self._fatal:
            self._chain.forget()

    @property
    def head(self) -> Head:
        """The end of the chain after this process's last commit; others may have gone on."""
        return self._head

    def record(self, event: Event) -> None:
        """Returns when `event` is durable. Raises RecordUnavailable, at the latest after the time-out."""
        self.record_all((event,))

    def record_all(self, events: Sequence[Event]) -> None:
        """As `record`, for several events in their order, in one transaction."""
        if not events:
            return
        waiting = _Waiting(tuple(encode(event) for event in events), posted=False)
        self._enqueue(waiting)
        if not waiting.done.wait(self._timeout):
            waiting.abandoned = True
            self._refuse_for_a_second()
            raise RecordUnavailable("the record did not answer in time")
        if waiting.error is not None:
            raise RecordUnavailable("the record could not be written") from waiting.error

    def post(self, event: Event) -> bool:
        """Queue `event` without waiting, for what needs no grant: counts, closings, refusals that say nothing.

        It outlives an outage of the database, not the death of the process. False if the queue is full and it is lost.
        """
        try:
            self._enqueue(_Waiting((encode(event),), posted=True), wait_for_retry=True)
        except RecordUnavailable:
            _log.warning("an event was lost: the record's queue is full or closed", extra={"event": event.event})
            return False
        return True

    def flush(self) -> None:
        """Returns when everything queued so far is durable. Raises RecordUnavailable after the time-out."""
        with self._changed:
            self._changed.notify_all()
            if not self._changed.wait_for(lambda: not self._queue and not self._busy, self._timeout):
                raise RecordUnavailable("the record did not answer in time")

    def heartbeat(self) -> None:
        """Say that the service lives, at most once a minute; call it as often as you like. Raises RecordUnavailable."""
        now = self._clock.monotonic()
        if self._last_heartbeat is None or now - self._last_heartbeat >= HEARTBEAT_SECONDS:
            self.record(Event(event=EventKind.HEARTBEAT, at=self._clock.now(), result=Result.PERMIT))
            self._last_heartbeat = now

    def hold_reserve(self) -> None:
        """Take the reserve of room, unless it is held already. Raises OSError."""
        if self._reserve is not None:
            self._reserve.ensure()

    def hashed_name(self, folder: str, rest: str) -> str:
        """How a refused name stands in the record: `folder` in clear, a keyed hash of the rest."""
        return names.hashed_name(self._name_key, folder, rest)

    def _enqueue(self, waiting: _Waiting, *, wait_for_retry: bool = False) -> None:
        with self._changed:
            if not self._open or self._fatal:
                raise RecordUnavailable("the record is closed")
            if not wait_for_retry and self._backing_off():
                raise RecordUnavailable("the record is not writable at present")
            if self._queued + len(waiting.payloads) > QUEUE_LIMIT:
                raise RecordUnavailable("the record cannot keep up")
            self._queue.append(waiting)
            self._queued += len(waiting.payloads)
            self._changed.notify_all()

    def _backing_off(self) -> bool:
        return self._retry_at is not None and self._clock.monotonic() < self._retry_at

    def _refuse_for_a_second(self) -> None:
        self._retry_at = self._clock.monotonic() + RETRY_SECONDS

    def _run(self) -> None:
        while work := self._take():
            try:
                self._head = self._chain.append([p for waiting in work for p in waiting.payloads])
            except Exception as exc:  # noqa: BLE001  # whatever went wrong, nothing was recorded
                self._failed(work, exc)
            else:
                self._succeeded(work)

    def _take(self) -> list[_Waiting]:
        """The next batch, waiting for it; empty when the log is closed and drained."""
        with self._changed:
            while True:
                if self._queue and not (self._open and self._backing_off()):
                    if work := self._next_batch():
                        self._busy = True
                        return work
                elif not self._queue and (not self._open or self._fatal):
                    return []
                else:
                    self._changed.wait(RETRY_SECONDS if self._queue else None)

    def _next_batch(self) -> list[_Waiting]:
        work: list[_Waiting] = []
        size = 0
        while self._queue and (not work or size + len(self._queue[0].payloads) <= BATCH_LIMIT):
            waiting = self._queue.popleft()
            self._queued -= len(waiting.payloads)
            if not waiting.abandoned:
                work.append(waiting)
                size += len(waiting.payloads)
        return work

    def _succeeded(self, work: list[_Waiting]) -> None:
        with self._changed:
            if self._retry_at is not None:
                _log.warning("the record is writable again")
            self._retry_at = None
            self._settle(work, None)

    def _failed(self, work: list[_Waiting], error: Exception) -> None:
        fatal = flush_failed(error)
        with self._changed:
            if self._retry_at is None and not fatal:
                outages.tell(_log, "the record is not writable", error, foreseen=(DatabaseReplaced,))
            self._refuse_for_a_second()
            self._fatal = self._fatal or fatal
            kept = [w for w in work if w.posted] if self._open and not fatal else []
            self._queue.extendleft(reversed(kept))
            self._queued += sum(len(w.payloads) for w in kept)
            self._settle(work, error)
            if fatal:
                self._settle(list(self._queue), error)
                self._queue.clear()
        if fatal:
            self._on_fatal(error)
        elif disk_full(error):
            self._make_room()

    def _settle(self, work: list[_Waiting], error: BaseException | None) -> None:
        self._busy = False
        for waiting in work:
            waiting.error = error
            waiting.done.set()
        self._changed.notify_all()

    def _make_room(self) -> None:
        try:
            if self._reserve is not None and self._reserve.release():
                _log.critical("the disk is full: the record's reserve was given up; make room now")
        except OSError as exc:
            outages.tell(_log, "the record's reserve could not be given up", exc)
