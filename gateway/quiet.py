"""Names that operating systems probe for in every folder. Nothing is ever published under one.

Called by the SFTP and WebDAV adapters before anything else: such a name is "not found" without a query and without a
record, because Explorer and Finder ask for them by the hundred. Pure and thread-safe.
"""

from __future__ import annotations

from gateway.path import VirtualPath

_NAMES = frozenset(
    {
        # Windows
        "desktop.ini",
        "thumbs.db",
        "ehthumbs.db",
        "autorun.inf",
        "folder.jpg",
        "folder.gif",
        # macOS
        ".ds_store",
        ".localized",
        ".hidden",
        ".trashes",
        ".fseventsd",
        ".spotlight-v100",
        ".metadata_never_index",
        ".metadata_never_index_unless_rootfs",
        ".metadata_direct_scope_only",
        ".ql_disablethumbnails",
        ".ql_disablecache",
        ".com.apple.timemachine.donotpresent",
        ".temporaryitems",
        "mach_kernel",
        "backups.backupdb",
        # Linux desktops
        ".directory",
        ".trash",
        ".xdg-volume-info",
        "autorun.sh",
    }
)
_PREFIXES = ("._", "~$", ".trash-", ".~lock.")


def is_quiet_name(name: str) -> bool:
    """Whether `name`, in any case, is one that a client asks for by itself."""
    folded = name.casefold()
    return folded in _NAMES or folded.startswith(_PREFIXES)


def is_quiet(path: VirtualPath) -> bool:
    """Whether any name in `path` is quiet: what lies in `.Trashes` is as absent as `.Trashes`."""
    return any(is_quiet_name(name) for name in path.names)
