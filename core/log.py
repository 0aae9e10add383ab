"""Where log lines go: to the standard error, so that the answer of a command stays alone on the standard output."""

import sys
from typing import Any

import structlog


def to_standard_error() -> None:
    """Write log lines there from now on. Every program calls this first."""
    structlog.configure(logger_factory=_logger)


def _logger(*_: Any) -> structlog.PrintLogger:
    """Looked up for each line, because a program may put another file in its place."""
    return structlog.PrintLogger(sys.stderr)
