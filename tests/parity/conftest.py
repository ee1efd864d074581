"""Two sessions of the script that reads two schools, one over each protocol, kept open for a module."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from auth.principal import Door
from tests.support.county import County
from tests.support.drives import Drive, dav_drive, sftp_drive

Drives = Mapping[Door, Drive]


@pytest.fixture(scope="module")
def drives(county: County) -> Iterator[Drives]:
    person = county["nightly"]
    with sftp_drive(county, person) as sftp, dav_drive(county, person, "127.0.1.100") as dav:
        yield {Door.SFTP: sftp, Door.WEBDAV: dav}
