"""Says what this environment and this machine are, and what is wrong with them.

Prints facts section by section, then findings: `broken` (no model will run like this), `warning`
(it runs, perhaps not as wanted) and `note`, each with what to do about it.

exit codes:
  0  nothing is broken; warnings are possible
  1  something is broken; with --strict also if there is a warning
  2  the command line is wrong
"""

# It is asked exactly when something is broken: standard library only, and a question that cannot
# be answered is answered with the reason. torch is asked in another process, which may crash.

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from typing import Any

from vllm_gfx.doctor import checks, environment, hardware
from vllm_gfx.doctor.finding import BROKEN, WARNING, Finding
from vllm_gfx.machine.probe import ProbeFailed

SECTIONS: dict[str, Callable[[], dict[str, Any]]] = {
    "versions": environment.versions,
    "target": hardware.target,
    "driver and runtime": hardware.driver_and_runtime,
    "devices": hardware.devices,
    "loaded libraries": hardware.loaded_libraries,
    "free memory": hardware.free_memory,
    "packages": environment.packages,
    "shims": environment.shims,
    "patches": environment.patches,
    "environment variables": environment.variables,
}


def examine() -> dict[str, dict[str, Any]]:
    """Every section; one that fails says why under `could not tell`."""
    return {name: _guarded(section) for name, section in SECTIONS.items()}


def _guarded(section: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        return section()
    except Exception as error:  # noqa: BLE001 - a broken environment is what the doctor is for
        return {"could not tell": f"{type(error).__name__}: {error}"}


def conclude() -> list[Finding]:
    """Every finding, the worst first; a check that fails is a warning."""
    found = [finding for name, check in checks.CHECKS.items() for finding in _checked(name, check)]
    order = (BROKEN, WARNING)
    return sorted(found, key=lambda f: order.index(f.level) if f.level in order else len(order))


def _checked(name: str, check: Callable[[], Any]) -> list[Finding]:
    try:
        return list(check())
    except ProbeFailed:
        return []  # said once, by the check of torch
    except ModuleNotFoundError as error:
        if error.name == "gfx_kernels":
            return []  # said once, by the check of packages
        return [Finding(WARNING, f"could not check {name}: {error}")]
    except Exception as error:  # noqa: BLE001 - a broken environment is what the doctor is for
        return [Finding(WARNING, f"could not check {name}: {type(error).__name__}: {error}")]


def exit_code(findings: Sequence[Finding], strict: bool = False) -> int:
    """0 or 1, as the module says."""
    failing = (BROKEN, WARNING) if strict else (BROKEN,)
    return int(any(finding.level in failing for finding in findings))


def text(report: dict[str, dict[str, Any]], findings: Sequence[Finding]) -> str:
    """The report for people: sections, then findings."""
    lines = []
    for name, facts in report.items():
        lines.append(f"{name}:")
        width = max((len(key) for key in facts), default=0)
        lines += [f"  {key.ljust(width)}  {_flat(value)}" for key, value in facts.items()]
    said = [f"  {finding}" for finding in findings] or ["  nothing is wrong"]
    return "\n".join([*lines, "findings:", *said])


def _flat(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{k}: {v}" for k, v in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def main(argv: Sequence[str] | None = None) -> int:
    """Print the report as text, or as JSON with `--json`; the exit code."""
    parser = argparse.ArgumentParser(
        prog="vllm-gfx doctor",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--strict", action="store_true", help="exit with 1 for a warning, too")
    options = parser.parse_args(argv)
    report, findings = examine(), conclude()
    if options.json:
        listed = [vars(finding) for finding in findings]
        print(json.dumps({**report, "findings": listed}, indent=1, default=str))
    else:
        print(text(report, findings))
    return exit_code(findings, options.strict)
