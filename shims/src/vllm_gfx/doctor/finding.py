"""What the doctor concludes, apart from the facts that it prints."""

from __future__ import annotations

from dataclasses import dataclass

BROKEN = "broken"  # no model will run like this
WARNING = "warning"  # it runs, perhaps not as wanted
NOTE = "note"  # worth knowing


@dataclass(frozen=True)
class Finding:
    """`what` is the case and, unless it is only worth knowing, what to do about it."""

    level: str
    what: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.level}: {'; '.join(filter(None, (self.what, self.remedy)))}"
