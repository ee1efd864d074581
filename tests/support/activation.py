"""People who activate their accounts: by the link of their invitation, password and one-time code, as on the pages."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from auth import accounts, links
from auth.links import Purpose
from auth.principal import Door, Peer, Principal
from auth.totp import STEP_SECONDS, code_at
from gateway.services import Services

PASSWORD = "wintry-lantern-orchard"
AT_THE_PAGES = Peer(address="192.0.2.7", door=Door.PORTAL, client="a browser")


@dataclass(frozen=True, kw_only=True, slots=True)
class Activated:
    """What somebody knows after activating."""

    username: str
    password: str = field(repr=False)
    secret: str = field(repr=False)
    recovery_codes: tuple[str, ...] = field(repr=False)


def mailed(services: Services, username: str, purpose: Purpose) -> str:
    """The token of a link as it is made when the mail to somebody is written."""
    with services.database.write() as connection:
        account = accounts.find(connection, username)
        assert account is not None
        return links.make(connection, account.id, purpose, services.clock.now(), services.entropy)


def sign_in_over_sftp(services: Services, who: Activated) -> Principal:
    """Come in with password and the next code: the one of now was used to activate."""
    peer = Peer(address=AT_THE_PAGES.address, door=Door.SFTP, client="a client")
    candidate = services.authenticator.candidate(who.username, peer)
    code = code_at(who.secret, services.clock.now() + timedelta(seconds=STEP_SECONDS))
    shown = (
        services.authenticator.check_password(candidate, who.password),
        services.authenticator.check_code(candidate, code),
    )
    outcome = services.authenticator.authenticate(candidate, [proof for proof in shown if proof is not None])
    assert isinstance(outcome, Principal), outcome
    return outcome


def activate(services: Services, username: str, password: str = PASSWORD) -> Activated:
    """Somebody who was invited follows the link to its end."""
    token, enrolment = mailed(services, username, Purpose.ACTIVATION), services.enrolment
    enrolment.choose_password(token, password, AT_THE_PAGES)
    secret = enrolment.begin_codes(token, None, AT_THE_PAGES).secret
    codes = enrolment.confirm_codes(token, code_at(secret, services.clock.now()), AT_THE_PAGES)
    return Activated(username=username, password=password, secret=secret, recovery_codes=codes)
