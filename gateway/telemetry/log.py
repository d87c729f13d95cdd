"""Structured logging: one line per event, ids first, secrets masked."""

from __future__ import annotations

import json
import logging
import sys
import unicodedata
from collections.abc import MutableMapping
from typing import Any, TextIO

import orjson
import structlog
from structlog.typing import Processor

from gateway.config import LogConfig
from gateway.secrets import redact

ID_KEYS = ("timestamp", "level", "event", "peer_id", "code", "call_id", "stream", "leg", "view", "grant_id", "user")
"""The keys that stand first in a line, in this order."""

Event = MutableMapping[str, Any]


def ids_first(_logger: Any, _method: str, event: Event) -> Event:
    """Order the line: :data:`ID_KEYS` first, the rest as given."""
    ordered: dict[str, Any] = {key: event[key] for key in ID_KEYS if key in event}
    return ordered | dict(event)


def mask_secrets(_logger: Any, _method: str, event: Event) -> Event:
    """Mask secrets by the name of the key and the shape of the text, tracebacks included."""
    masked: dict[str, Any] = redact(dict(event))
    return masked


def show_control_characters(_logger: Any, _method: str, event: Event) -> Event:
    """Nothing a peer wrote reaches the terminal as a command to it. Lines of tracebacks stay lines."""
    return {key: visible(value, keep="\n\t") if isinstance(value, str) else value for key, value in event.items()}


def visible(text: str, *, keep: str = "") -> str:
    """`text` with control characters but those to `keep` shown by their code."""
    if text.isprintable():
        return text
    return "".join(
        char if char in keep or unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Zl", "Zp") else ascii(char)[1:-1]
        for char in text
    )


def _json(value: Any, **_options: Any) -> str:
    """One line of JSON, whatever a peer's bytes put into it: a line that cannot be written would stop its writer."""
    try:
        return orjson.dumps(value, default=repr, option=orjson.OPT_NON_STR_KEYS).decode()
    except TypeError:  # bytes that were no UTF-8, numbers beyond 64 bits
        return json.dumps(value, default=repr, ensure_ascii=False).encode("utf-8", "replace").decode()


def processors(form: str, *, colors: bool = False) -> list[Processor]:
    """The chain for ``form`` "json" or "console"."""
    chain: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        mask_secrets,
        ids_first,
    ]
    if form == "json":
        return [*chain, structlog.processors.JSONRenderer(_json)]
    return [*chain, show_control_characters, structlog.dev.ConsoleRenderer(colors=colors, sort_keys=False)]


def configure(config: LogConfig, stream: TextIO | None = None) -> None:
    """Set up logging of the whole process; libraries that use :mod:`logging` are written at warning and above."""
    target = sys.stderr if stream is None else stream
    level = logging.getLevelNamesMapping()[config.level.upper()]
    structlog.configure(
        processors=processors(config.format, colors=target.isatty()),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(target),
        cache_logger_on_first_use=True,
    )
    library = logging.getLogger()
    library.handlers = [_ToStructlog(logging.WARNING)]
    library.setLevel(logging.WARNING)


class _ToStructlog(logging.Handler):
    """Passes records of libraries on."""

    def emit(self, record: logging.LogRecord) -> None:
        logger = structlog.get_logger(record.name)
        logger.log(record.levelno, record.getMessage(), logger=record.name, exc_info=record.exc_info)
