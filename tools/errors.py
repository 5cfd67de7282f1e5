"""Errors we foresee: one clear line with the remedy instead of a traceback."""

from __future__ import annotations

import errno

DISK_FULL = 112  # what Windows calls ENOSPC; Python translates it, Rust does not


class ToolError(RuntimeError):
    """What is wrong and what to do about it; the command line prints that line and exits 1."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(f"{message}; {remedy}" if remedy else message)


def no_space(where: object, takes: str = "the build needs about 8 GB") -> ToolError:
    """The error for a full disk; what was there before is untouched."""
    return ToolError(
        f"no disk space left while writing below {where}",
        f"free some ({takes}) and run the same command again",
    )


def is_no_space(error: BaseException) -> bool:
    """Whether `error`, or the text a Rust library made of it, means a full disk."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return True
    text = str(error)
    codes = [f"(os error {code})" for code in (errno.ENOSPC, DISK_FULL)]
    return any(sign in text for sign in [*codes, "No space left on device"])


def is_read_only(error: OSError) -> bool:
    """Whether `error` means a place that this user may not write."""
    return error.errno in (errno.EACCES, errno.EPERM, errno.EROFS)
