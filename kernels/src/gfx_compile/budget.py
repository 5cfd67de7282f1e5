"""`<op>/budget.yaml`: what each kernel may use and which instructions it must hold.

kernels:
  rms_norm_*:                # the first pattern that fits a kernel's name counts
    vgprs: {default: 64, gfx906: 48}
    lds: {default: 1024}     # bytes, of one work-group, without what a launch adds
    wanted:                  # regular expressions; each must match an instruction's text
      default: ["global_load_(b128|dwordx4)"]
"""

from __future__ import annotations

import fnmatch
import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from gfx_kernels import targets

from gfx_compile.errors import CompileError

FILE = "budget.yaml"
_KEYS = {"vgprs": int, "lds": int, "wanted": list}
_DEFAULT = "default"


@dataclass(frozen=True)
class Limits:
    """What one kernel may use on one target."""

    vgprs: int
    lds: int
    wanted: tuple[str, ...]


@dataclass(frozen=True)
class Budget:
    """The rows of one file, by the pattern of kernel names."""

    rows: dict[str, dict[str, dict[str, Any]]]

    @property
    def digest(self) -> str:
        """Changes when the gate may decide otherwise."""
        return hashlib.sha256(json.dumps(self.rows, sort_keys=True).encode()).hexdigest()

    def pattern(self, kernel: str) -> str | None:
        """The first pattern that fits `kernel`."""
        return next((p for p in self.rows if fnmatch.fnmatchcase(kernel, p)), None)

    def limits(self, pattern: str, gfx: str) -> Limits:
        """The limits of a pattern's kernels on the target `gfx`."""
        row = {key: values.get(gfx, values[_DEFAULT]) for key, values in self.rows[pattern].items()}
        return Limits(row["vgprs"], row["lds"], tuple(row["wanted"]))


def read(op: Path) -> Budget:
    """The budget in the folder of an op. Raises CompileError, naming the key that is wrong."""
    file = op / FILE
    if not file.is_file():
        raise CompileError(f"{op.name} has no {FILE}; gfx_compile/budget.py says what it holds")
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise CompileError(f"{op.name}/{FILE}: {' '.join(str(error).split())}") from None
    rows = content.get("kernels") if isinstance(content, dict) else None
    if not isinstance(rows, dict) or not rows:
        raise CompileError(f"{op.name}/{FILE}: kernels is empty")
    for pattern, row in rows.items():
        _check(f"{op.name}/{FILE}: {pattern}", row)
    return Budget(rows)


def _check(where: str, row: Any) -> None:
    if not isinstance(row, dict) or row.keys() != _KEYS.keys():
        raise CompileError(f"{where}: wanted are the keys {', '.join(_KEYS)}")
    for key, kind in _KEYS.items():
        values = row[key]
        if not isinstance(values, dict) or _DEFAULT not in values:
            raise CompileError(f"{where}: {key} has no {_DEFAULT}")
        if unknown := values.keys() - {_DEFAULT, *targets.all_targets()}:
            raise CompileError(f"{where}: {key} names the unknown target {sorted(unknown)[0]}")
        if wrong := [v for v in values.values() if type(v) is not kind]:
            raise CompileError(f"{where}: {key} is {wrong[0]!r}, not of type {kind.__name__}")
    for patterns in row["wanted"].values():
        for text in patterns:
            _compiles(f"{where}: wanted", text)


def _compiles(where: str, text: Any) -> None:
    try:
        re.compile(text)
    except (re.error, TypeError) as error:
        raise CompileError(f"{where}: {text!r} is no regular expression: {error}") from None
