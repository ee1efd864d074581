"""Signing in as one user name over one connection: which factors were shown, and what is still to be asked [R14].

Called by `connection` on the event loop; begun afresh when the client names another user, so that no factor of one
counts for another. A session comes from `Authenticator.authenticate` and `Sessions.open` alone. What fails, is late or
is cancelled leaves nobody signed in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from asyncssh import DISC_NO_MORE_AUTH_METHODS_AVAILABLE, DISC_SERVICE_NOT_AVAILABLE, DisconnectError, SSHKey

from auth.principal import Candidate, Factor, Peer, Principal, Proof
from auth.verdicts import Refusal
from gateway.errors import FSError, Unavailable
from gateway.faults import tell
from gateway.sftp.doorway import Doorway
from gateway.sftp.ports import OpenSession
from gateway.sftp.threads import SignInThreads, Threads

T = TypeVar("T")
Challenge = tuple[str, str, str, Sequence[tuple[str, bool]]]

_LANGUAGE = "en"
_KEY_NOT_ACCEPTED = "This key was not accepted."
_PROMPTS: dict[Factor, tuple[str, bool]] = {  # what is asked, and whether it is shown while it is typed
    Factor.PASSWORD: ("Password:", False),
    Factor.TOTP: ("One-time code:", True),  # WinSCP answers a lone prompt without echo with the stored password
}


class SignIn:
    """One attempt of `peer` to be the user called `username`."""

    def __init__(self, doorway: Doorway, threads: SignInThreads, peer: Peer, candidate: Candidate) -> None:
        self._doorway = doorway
        self._look_up = threads.look_up
        self._threads = threads.of(candidate)
        self._peer = peer
        self._candidate = candidate
        self._proofs: dict[Factor, Proof] = {}
        self._missing: frozenset[Factor] = frozenset()
        self._asked: Factor | None = None
        self._offered: tuple[object, str] | None = None
        self._wrong = 0
        self.session: OpenSession | None = None
        self.refusal: str | None = None

    @classmethod
    async def begin(cls, doorway: Doorway, threads: SignInThreads, peer: Peer, username: str) -> SignIn:
        """Somebody says the name `username`. Raises DisconnectError where the service cannot look it up."""
        candidate = await _asked_of(threads.look_up, doorway.authenticator.candidate, username, peer)
        return cls(doorway, threads, peer, candidate)

    @property
    def partial(self) -> bool:
        """Whether something was proved, and more is wanted."""
        return bool(self._proofs) and self.session is None

    @property
    def first_factors(self) -> bool:
        """Whether password or key can still be shown: the first factor is shown once."""
        return not self._proofs and self.refusal is None

    @property
    def prompts(self) -> bool:
        """Whether there is anything left to ask."""
        return self.refusal is None and self._next_asked() is not None

    async def offer(self, request: object, key: SSHKey) -> bool:
        """Whether `key` is one of this account's, in whatever standing.

        It proves nothing before `signature_held` of the same request.
        """
        text = key.export_public_key().decode().strip()
        if not await _asked_of(self._look_up, self._doorway.authenticator.offers_key, self._candidate, text):
            return False
        self._offered = (request, text)
        return True

    async def signature_held(self, request: object) -> str | None:
        """The library has verified the signature that `request` carried, if it carried one. What is to be told of it.

        A key that has ended ends nothing else: the client may go on with its next key, or with a password.
        """
        offered, self._offered = self._offered, None
        if offered is None or offered[0] is not request:
            return None
        answer = await self._ask(self._doorway.authenticator.check_public_key, self._candidate, offered[1])
        if isinstance(answer, Proof):
            await self._shown(answer)
            return self.refusal
        return None if answer is None else answer.message or _KEY_NOT_ACCEPTED

    async def password(self, text: str) -> bool:
        """Whether `text` is the password: the first factor, no more."""
        return await self._try(Factor.PASSWORD, text) and self.refusal is None

    def challenge(self) -> Challenge | bool:
        """The next round of keyboard-interactive (RFC 4256): one prompt, or False where there is nothing to ask."""
        self._asked = self._next_asked()
        if self._asked is None or self.refusal is not None:
            return False
        return ("", "", _LANGUAGE, (_PROMPTS[self._asked],))

    async def respond(self, responses: Sequence[str]) -> Challenge | bool:
        """What follows an answer: True, False, another prompt, or a round without prompts that says why [R33]."""
        asked, self._asked = self._asked, None
        if asked is None or len(responses) != 1 or not await self._try(asked, responses[0]):
            return False
        if self.session is not None:
            return True
        if self.refusal:
            return ("", self.refusal, _LANGUAGE, ())
        return self.challenge()

    def abandon(self) -> OpenSession | None:
        """Forget all that was shown. The session that was opened, if one was, is the caller's to close."""
        session, self.session = self.session, None
        self._proofs.clear()
        self._offered = self._asked = None
        return session

    def _next_asked(self) -> Factor | None:
        if not self._proofs:
            return Factor.PASSWORD
        return next((factor for factor in _PROMPTS if factor in self._missing), None)

    async def _try(self, factor: Factor, text: str) -> bool:
        """Whether `text` proves `factor`. Counted as wrong until it has been found right."""
        authenticator = self._doorway.authenticator
        check = authenticator.check_password if factor is Factor.PASSWORD else authenticator.check_code
        if self._wrong >= self._doorway.limits.tries:
            raise DisconnectError(DISC_NO_MORE_AUTH_METHODS_AVAILABLE, "Too many attempts.")
        self._wrong += 1
        proof = await self._ask(check, self._candidate, text)
        if proof is None:
            return factor is Factor.TOTP and await self._is_spared()
        self._wrong -= 1
        await self._shown(proof)
        return True

    async def _is_spared(self) -> bool:
        """Whether a code that another connection was given, while this one asked for its own, serves for both [R15].

        A client that opens several at once asks for a code in each; one that it opened now would ask for none.
        """
        await self._judge(self._proofs)
        return self.session is not None or self.refusal is not None

    async def _shown(self, proof: Proof) -> None:
        """One factor more was proved."""
        await self._judge({**self._proofs, proof.factor: proof})

    async def _judge(self, proofs: dict[Factor, Proof]) -> None:
        """Does what was proved suffice?"""
        answer = await self._ask(self._doorway.authenticator.authenticate, self._candidate, tuple(proofs.values()))
        if not isinstance(answer, Refusal):
            await self._open(answer)
        elif answer.missing:
            self._proofs, self._missing = proofs, answer.missing
        else:
            self._refused(answer.message)

    async def _open(self, principal: Principal) -> None:
        try:
            self.session = await self._threads.run(self._doorway.sessions.open, principal, self._peer, undo=_close)
        except FSError as exc:
            self._refused(str(exc))
        except Exception as exc:
            raise _unavailable(exc) from exc

    def _refused(self, message: str | None) -> None:
        """Nobody is signed in. Whoever has shown all factors is told why, and asked no more."""
        self._proofs.clear()
        self.refusal = message

    async def _ask(self, call: Callable[..., T], *args: object) -> T:
        return await _asked_of(self._threads, call, *args)


async def _asked_of(threads: Threads, call: Callable[..., T], *args: object) -> T:
    try:
        return await threads.run(call, *args)
    except Exception as exc:
        raise _unavailable(exc) from exc


def _unavailable(error: Exception) -> DisconnectError:
    """Signing in cannot be judged: nobody is let in, and it is said that the fault is ours."""
    tell(error)
    return DisconnectError(DISC_SERVICE_NOT_AVAILABLE, Unavailable.message)


def _close(session: OpenSession) -> None:
    session.close()
