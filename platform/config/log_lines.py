"""What becomes a line of the log."""

import logging

from django.core.exceptions import BadRequest, PermissionDenied, SuspiciousOperation


class RefusalsWithoutTraceback(logging.Filter):
    """A request that was refused is one line: where the code stood when it refused says nothing."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, PermissionDenied | BadRequest | SuspiciousOperation):
            reason = " ".join(str(error).split())
            record.msg, record.args = f"{record.getMessage()} ({reason})", None
            record.exc_info = record.exc_text = None
        return True
