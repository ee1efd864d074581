"""What a serving process says to systemd."""

from __future__ import annotations

import logging

import pytest

from gateway import server


def test_a_notify_socket_that_is_gone_is_a_line_of_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", "/run/nowhere/at-all")
    with caplog.at_level(logging.WARNING):
        server._tell_systemd("READY=1")
    assert [record.name for record in caplog.records] == ["gateway.server"]
