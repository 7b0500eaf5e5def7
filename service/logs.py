"""Log lines as JSON objects that carry the request's id."""

from __future__ import annotations

import logging
import sys
import time
from contextvars import ContextVar

import orjson

__all__ = ["configure_logging", "request_id"]

request_id: ContextVar[str] = ContextVar("request_id", default="")

_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}


class _JSONFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
            + f".{int(record.msecs):03d}Z",
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if request_id.get():
            line["request_id"] = request_id.get()
        line.update({key: value for key, value in vars(record).items() if key not in _OWN})
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        # A fact that JSON cannot hold (a lone surrogate, an object) must never cost the line.
        try:
            return orjson.dumps(line, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
        except TypeError:
            return orjson.dumps({key: ascii(value) for key, value in line.items()}).decode()


def configure_logging(level: str, style: str) -> None:
    """Send the process's log lines to stderr.

    Parameters
    ----------
    level
        Least severe level written.
    style
        ``json`` or ``text``.
    """
    handler = logging.StreamHandler(sys.stderr)
    text = logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    handler.setFormatter(_JSONFormatter() if style == "json" else text)
    for name in ("skylike", "service", "index", "survey", "uvicorn"):
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.propagate = False
        logger.setLevel(level)
