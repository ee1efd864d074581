"""The thread that mails: never by a doubtful clock, and nothing after its end."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway import compose
from gateway.jobs import Post
from gateway.mail.outbox import MailKind
from tests.mail.postroom import Postroom, words
from tests.support.world import World


@pytest.fixture
def postroom(world: World) -> Postroom:
    """The folder is the one that the settings name."""
    return Postroom(world, world.home.path / "mail")


@pytest.fixture
def post(world: World) -> Post:
    return compose.post(world.services, 8443)


def test_a_turn_sends_what_waits_with_links_to_where_people_reach_us(post: Post, postroom: Postroom) -> None:
    postroom.post(MailKind.PASSWORD_RESET)
    post.turn()
    assert "https://localhost:8443/portal/link/" in words(postroom.message())
    assert postroom.message()["From"] == "LA Documents <cs.web@derbyshire.gov.uk>"


def test_nothing_is_sent_while_the_clock_is_in_doubt(post: Post, postroom: Postroom) -> None:
    postroom.post(MailKind.PASSWORD_RESET)
    clock = postroom.world.clock
    clock.advance(days=3)
    post.turn()
    assert postroom.messages() == []
    postroom.world.pass_time(seconds=1)
    post.turn()
    assert len(postroom.messages()) == 1


def test_a_post_that_is_ended_sends_nothing_more(post: Post, postroom: Postroom, tmp_path: Path) -> None:
    postroom.post(MailKind.PASSWORD_CHANGED)
    post.end()
    post.turn()
    assert postroom.messages() == []
