"""Says what this environment is: versions, target and device, packages, shims, patches, variables.

Standard library only and never raises: a question that cannot be answered is answered with the
reason, because the doctor is asked exactly when something is broken.

    python -m vllm_gfx.doctor [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable, Sequence
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

_DISTRIBUTIONS = (
    "vllm",
    "vllm-gfx",
    "gfx-kernels",
    "torch",
    "triton",
    "transformers",
    "tokenizers",
    "numpy",
    "xgrammar",
    "llguidance",
    "lm-format-enforcer",
)
# Packages of which a second channel's copy would matter; the rest is counted.
_NAMED_PACKAGES = ("vllm", "vllm-gfx", "gfx-kernels", "gfx-target", "pytorch", "triton", "python")
_VARIABLE_PREFIXES = ("VLLM_", "HIP_", "ROCR_", "HSA_", "CUDA_", "TRITON_", "TORCH", "HF_", "OMP_")
_SECRET_WORDS = ("KEY", "TOKEN", "SECRET", "PASSWORD")


def versions() -> dict[str, str]:
    """Installed distributions, `absent` where there is none."""
    found = {"python": platform.python_version(), "os": platform.platform()}
    for name in _DISTRIBUTIONS:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "absent"
    return found


def target() -> dict[str, Any]:
    """What the packages were built for, beside the devices that the system shows."""
    targets = import_module("gfx_kernels.targets")
    built = targets.built_for()
    seen = devices()
    names = {t.isa: t.name for t in targets.all_targets().values()}
    gpus = [names.get(isa, f"unlisted gfx {isa}") for isa in seen["kfd"]]
    return {
        "built for": built,
        "devices": gpus or ["no AMD GPU"],
        "torch": seen["torch"],
        "verdict": _verdict(built, gpus, targets.REFERENCE),
    }


def _verdict(built: str, gpus: list[str], reference: str) -> str:
    if built == reference:
        others = [g for g in gpus if not g.startswith("unlisted")]
        hint = f"; a faster build exists: gfx-target=*={others[0]}_*" if others else ""
        return f"runs on the CPU, for correctness and not for speed{hint}"
    if built in gpus:
        return "the build matches a device"
    return f"no {built} device is seen: install the build for this device, or the cpu target"


def devices() -> dict[str, Any]:
    """`kfd`: the ISA of each AMD GPU, as `major.minor.stepping`; `torch`: what torch sees."""
    return {"kfd": _kfd_isas(Path("/sys/class/kfd/kfd/topology/nodes")), "torch": _torch_devices()}


def _kfd_isas(nodes: Path) -> list[str]:
    """Linux names GPUs in this folder, without any driver library; elsewhere it is absent."""
    isas = []
    for path in sorted(nodes.glob("*/properties")):
        lines = (line.split() for line in path.read_text(encoding="ascii").splitlines())
        values = {parts[0]: int(parts[1]) for parts in lines if len(parts) == 2}
        if version := values.get("gfx_target_version", 0):
            isas.append(f"{version // 10000}.{version // 100 % 100}.{version % 100}")
    return isas


def _torch_devices() -> str:
    torch = import_module("torch")
    kind = f"HIP {torch.version.hip}" if torch.version.hip else f"CUDA {torch.version.cuda}"
    if not torch.cuda.is_available():
        return f"cpu only (build: {kind if torch.version.hip or torch.version.cuda else 'cpu'})"
    names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return f"{kind}: {', '.join(names)}"


def packages() -> dict[str, Any]:
    """Conda packages of this prefix: the ones that matter by name, the others counted."""
    records = [
        json.loads(path.read_text(encoding="utf-8"))
        for path in sorted(Path(sys.prefix, "conda-meta").glob("*.json"))
    ]
    channels: dict[str, int] = {}
    for record in records:
        channel = _channel(record)
        channels[channel] = channels.get(channel, 0) + 1
    named = {
        r["name"]: f"{r['version']} {r['build']} from {_channel(r)}"
        for r in records
        if r["name"] in _NAMED_PACKAGES
    }
    return {"prefix": sys.prefix, **named, "packages by channel": channels or "not a conda prefix"}


def _channel(record: dict[str, Any]) -> str:
    """A channel's own name, without folders or hosts: what people call it."""
    return str(record.get("channel") or "unknown").rstrip("/").split("/")[-1]


def shims() -> dict[str, str]:
    """Each shim of each stage: whether this environment needs it, and when it can go."""
    apply = import_module("vllm_gfx.apply")
    found: dict[str, str] = {}
    for stage in apply.STAGES:
        for shim in apply.shims(stage):
            applies = sys.platform in shim.APPLIES
            state = "active" if applies and shim.needed() else "not needed here"
            found[f"{stage}/{shim.__name__.rsplit('.', 1)[-1]}"] = (
                f"{state}; replaces {shim.TARGET}; goes when {shim.REMOVE_WHEN}"
            )
    return found


def patches() -> dict[str, str]:
    """The patches that the installed vLLM was built with: name and SHA-256."""
    spec = import_module("importlib.util").find_spec("vllm")
    if spec is None:
        return {"vllm": "absent"}
    listing = Path(spec.submodule_search_locations[0], "gfx_patches.json")
    if not listing.is_file():
        return {"vllm": "built without our patches"}
    return dict(json.loads(listing.read_text(encoding="utf-8")))


def variables() -> dict[str, Any]:
    """Variables of ours with their meaning, and those set that vLLM, torch or a driver reads."""
    envs = import_module("vllm_gfx.envs")
    known = {
        **envs.VARIABLES,
        **import_module("gfx_kernels.envs").VARIABLES,
        **{k: f"vllm-gfx sets {value}: {why}" for k, (value, why) in envs.DEFAULTS.items()},
    }
    ours = {k: f"{os.environ.get(k, '(unset)')}: {meaning}" for k, meaning in known.items()}
    others = {
        k: "(hidden)" if any(word in k for word in _SECRET_WORDS) else v
        for k, v in sorted(os.environ.items())
        if k.startswith(_VARIABLE_PREFIXES) and k not in known
    }
    return {**ours, **others}


SECTIONS: dict[str, Callable[[], dict[str, Any]]] = {
    "versions": versions,
    "target": target,
    "packages": packages,
    "shims": shims,
    "patches": patches,
    "environment variables": variables,
}


def examine() -> dict[str, dict[str, Any]]:
    """Every section; one that fails says why under `could not tell`."""
    return {name: _guarded(section) for name, section in SECTIONS.items()}


def _guarded(section: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        return section()
    except Exception as error:  # noqa: BLE001 - a broken environment is what the doctor is for
        return {"could not tell": f"{type(error).__name__}: {error}"}


def _text(report: dict[str, dict[str, Any]]) -> str:
    lines = []
    for name, facts in report.items():
        lines.append(f"{name}:")
        width = max((len(key) for key in facts), default=0)
        lines += [f"  {key.ljust(width)}  {_flat(value)}" for key, value in facts.items()]
    return "\n".join(lines)


def _flat(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{k}: {v}" for k, v in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def main(argv: Sequence[str] | None = None) -> int:
    """Print the report as text, or as JSON with `--json`. Returns 0."""
    parser = argparse.ArgumentParser(prog="vllm-gfx doctor", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(argv)
    report = examine()
    print(json.dumps(report, indent=1, default=str) if options.json else _text(report))
    return 0


if __name__ == "__main__":
    sys.exit(main())
