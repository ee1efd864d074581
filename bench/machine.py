"""The machine's class and the versions, without which figures mean nothing. No name and no address of it.

Called by `__main__`. Linux alone.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

_FLUSHES = 100
_LIBRARIES = ("ladocs", "asyncssh", "cryptography", "wsgidav", "cheroot", "sqlalchemy")


def machine(folder: Path) -> Mapping[str, str]:
    """Processors, memory, and the disk of `folder`."""
    model = _field(Path("/proc/cpuinfo"), "model name")
    memory = round(int(_field(Path("/proc/meminfo"), "MemTotal").split()[0]) / (1 << 20))
    return {
        "processors": f"{os.cpu_count()} × {model}",
        "memory": f"{memory} GiB",
        "disk": _disk(folder),
        "flush of the disk": f"{flush_ms(folder):.2f} ms (4 KiB and fdatasync, median of {_FLUSHES})",
        "kernel": platform.release().partition("-")[0],
    }


def versions() -> Mapping[str, str]:
    """Of Python and what of its libraries matters here."""
    kept = {name: importlib.metadata.version(name) for name in _LIBRARIES}
    loop = importlib.metadata.version("uvloop") if importlib.util.find_spec("uvloop") else "not installed"
    return {"Python": platform.python_version(), **kept, "uvloop": loop}


def flush_ms(folder: Path) -> float:
    """How long the disk of `folder` takes to keep 4 KiB for certain: what each row of the record waits for."""
    taken = []
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        for _ in range(_FLUSHES):
            begun = time.perf_counter()
            file.write(bytes(4096))
            os.fdatasync(file.fileno())
            taken.append((time.perf_counter() - begun) * 1000)
    return statistics.median(taken)


def _field(file: Path, name: str) -> str:
    lines = file.read_text("utf-8").splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), "unknown")


def _disk(folder: Path) -> str:
    """The kind of disk and its file system."""
    mounts = [line.split() for line in Path("/proc/mounts").read_text("utf-8").splitlines()]
    above = [fields for fields in mounts if folder.is_relative_to(fields[1])]
    file_system = max(above, key=lambda fields: len(fields[1]))[2] if above else "unknown"
    number = folder.stat().st_dev
    device = Path(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}").resolve()
    return f"{_kind(device)}, {file_system}"


def _kind(device: Path) -> str:
    if device.name.startswith(("vd", "xvd")):
        return "virtual disk"  # what it says of its platters is its host's invention
    queues = (place / "queue" / "rotational" for place in (device, device.parent))
    said = next((queue.read_text().strip() for queue in queues if queue.exists()), "")
    return {"0": "solid-state disk", "1": "rotating disk"}.get(said, "disk of an unknown kind")
