"""How many files (sockets) this process and its workers may have open at once: ``RLIMIT_NOFILE``.

The usual soft limit of 1024 is there for programs that use ``select``; it is raised to the hard limit, which belongs to
whoever runs the service. Workers inherit it.
"""

from __future__ import annotations

import math
import resource

import structlog

from gateway.config import Config

log = structlog.get_logger("gateway")

OWN_FILES = 256
"""Databases, logs, worker and HTTP connections of the control process; less in a worker."""
FILES_PER_STREAM = 8
"""In a relay worker: RTP, RTCP, a listener and a connection on the side of the source, and again on that of a sink."""


def files_needed(config: Config) -> dict[str, int]:
    """The most files one process may have open, by the key that allows it."""
    streams = math.ceil(config.media.max_streams / config.media.relay_workers)
    return {
        "sip.max_connections": config.sip.max_connections + OWN_FILES,
        "media.max_streams": streams * FILES_PER_STREAM + OWN_FILES,
    }


def raise_open_files(config: Config) -> int:
    """Raise the soft limit to the hard one, which is returned; says what to change where that is too small."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard == resource.RLIM_INFINITY:
        return hard
    for key, needed in files_needed(config).items():
        if needed > hard:
            log.warning(
                "the limit of open files is too small for what is configured",
                key=key,
                needed=needed,
                limit=hard,
                change=f"raise the hard limit (LimitNOFILE= of a systemd service, --ulimit nofile= of a container, "
                f"ulimit -Hn of a shell) to {needed}, or lower {key}",
            )
    return hard
