"""The limits of the SFTP door, as one frozen value. Sizes are in bytes, times in seconds."""

from __future__ import annotations

from dataclasses import dataclass

from config.defaults import KIB


@dataclass(frozen=True, kw_only=True, slots=True)
class SftpLimits:
    """How much, how many and how long.

    `read_bytes` is the most that one READ answers with: the largest that leaves room for its header in a packet of 256
    KiB, which is what OpenSSH's client takes. `backlog_bytes` is what may wait for a client that does not read;
    `stall_seconds` how long it may go on not reading. `window_bytes` bounds the requests that wait to be served.
    `review_seconds` pass between two looks whether somebody's access has ended.
    `names` are those of open folders that the client has not read yet, over all channels of a connection. After
    `recheck_seconds` a folder's names are read anew before more are given: with the second by which other parts may
    lag, a change is everywhere within five. `tries` are wrong passwords and codes of one connection, `requests` all of
    its attempts, offered keys included.
    """

    lobby_connections: int = 512
    lobby_per_address: int = 64
    sign_in_seconds: float = 120.0
    first_message_seconds: float = 20.0
    tries: int = 6
    requests: int = 100
    channels: int = 4
    handles: int = 64
    names: int = 20_000
    recheck_seconds: float = 4.0
    review_seconds: float = 1.0
    keepalive_seconds: float = 30.0
    keepalive_count: int = 4
    read_bytes: int = 255 * KIB
    packet_bytes: int = 256 * KIB
    window_bytes: int = 128 * KIB
    backlog_bytes: int = 512 * KIB
    stall_seconds: float = 300.0
    leave_seconds: float = 10.0
    look_up_threads: int = 4
    known_threads: int = 16
    stranger_threads: int = 8
    file_threads: int = 16
    waiting: int = 1024
