"""What was shown and what is stored are compared within the act: whatever happens between the two is noticed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import update

from auth.authenticator import Authenticator
from auth.links import Purpose
from auth.models import Account
from auth.principal import Candidate, Proof
from gateway.credentials import OwnCredentials
from gateway.enrolment import Enrolment, NotAccepted
from tests.support.activation import AT_THE_PAGES, PASSWORD
from tests.support.enrolled import People

NEW = "granite-harbour-tulip"


class Interrupted(Authenticator):
    """The authenticator of `folk`, after each of whose checks something else happens first."""

    def __init__(self, folk: People, meanwhile: Callable[[], object]) -> None:
        self.__dict__.update(vars(folk.services.authenticator))
        self._meanwhile = meanwhile

    def check_password(self, candidate: Candidate, text: str) -> Proof | None:
        proof = super().check_password(candidate, text)
        self._meanwhile()
        return proof

    def check_new_code(self, candidate: Candidate, code: str) -> Proof | None:
        proof = super().check_new_code(candidate, code)
        self._meanwhile()
        return proof


def another_hash(folk: People) -> None:
    """The stored hash becomes another one, and nothing else ends with it."""
    stored = folk.world.core.passwords.hash(NEW)
    with folk.world.database.write() as connection:
        connection.execute(update(Account).where(Account.username == "n.new").values(password_hash=stored))


def test_a_password_that_was_replaced_meanwhile_begins_no_codes_by_a_link(folk: People) -> None:
    folk.activated("n.new")
    authenticator = Interrupted(folk, lambda: another_hash(folk))
    enrolment = Enrolment(folk.world.core, folk.services.log, authenticator)
    with pytest.raises(NotAccepted):
        enrolment.begin_codes(folk.token("n.new", Purpose.CODES), PASSWORD, AT_THE_PAGES)


def test_a_password_that_was_replaced_meanwhile_is_not_changed_by_whoever_knew_the_old_one(folk: People) -> None:
    me = folk.signed_in(folk.activated("n.new"))
    own = OwnCredentials(folk.world.core, folk.services.log, Interrupted(folk, lambda: another_hash(folk)))
    with pytest.raises(NotAccepted, match="The password is not right"):
        own.change_password(me, PASSWORD, f"{NEW}-two", AT_THE_PAGES)


def test_a_secret_that_was_begun_anew_meanwhile_is_not_taken_for_the_one_that_was_shown(folk: People) -> None:
    who = folk.activated("n.new")
    me, begun = folk.signed_in(who), folk.services.own.begin_codes
    first = begun(me, PASSWORD, AT_THE_PAGES)
    authenticator = Interrupted(folk, lambda: begun(me, PASSWORD, AT_THE_PAGES))
    own = OwnCredentials(folk.world.core, folk.services.log, authenticator)
    with pytest.raises(NotAccepted, match="Another secret was begun since"):
        own.confirm_codes(me, folk.code(first.secret), AT_THE_PAGES)
    assert folk.signed_in(who).username == "n.new"
