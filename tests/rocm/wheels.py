"""Small wheels of the same layout as AMD's: what overlays what, what is named how, what is hashed.

Layout as TheRock's packaging scripts and the lock files of others tell it. Nobody here has seen
AMD's own wheels.
"""

from __future__ import annotations

import base64
import hashlib
import io
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

Contents = Mapping[str, bytes]


@dataclass
class Made:
    """What a wheel is made of; names of scripts are members of `files`."""

    file: str
    files: dict[str, bytes]
    requires: Iterable[str] = ()
    entry_points: str = ""
    executable: tuple[str, ...] = ()
    hexed: bool = False  # AMD's splitter writes hex where PEP 376 wants base64
    extra: dict[str, bytes] = field(default_factory=dict)  # members that RECORD does not list

    @property
    def dist_info(self) -> str:
        return "-".join(self.file.split("-")[:2]) + ".dist-info"

    def members(self) -> dict[str, bytes]:
        name, version = self.file.split("-")[:2]
        tag = "-".join(self.file.removesuffix(".whl").split("-")[-3:])
        lines = [f"Metadata-Version: 2.1\nName: {name.replace('_', '-')}\nVersion: {version}\n"]
        lines += [f"Requires-Dist: {line}\n" for line in self.requires]
        found = {**self.files, f"{self.dist_info}/METADATA": "".join(lines).encode()}
        generator = "rocm-kpack-split-python-wheels" if self.hexed else "setuptools"
        wheel = f"Wheel-Version: 1.0\nGenerator: {generator}\nTag: {tag}\n"
        found[f"{self.dist_info}/WHEEL"] = wheel.encode()
        if self.entry_points:
            text = f"[console_scripts]\n{self.entry_points}"
            found[f"{self.dist_info}/entry_points.txt"] = text.encode()
        return found

    def record(self) -> bytes:
        rows = [f"{n},{self._hash(c)},{len(c)}\n" for n, c in self.members().items()]
        return "".join([*rows, f"{self.dist_info}/RECORD,,\n"]).encode()

    def _hash(self, content: bytes) -> str:
        digest = hashlib.sha256(content)
        plain = base64.urlsafe_b64encode(digest.digest()).rstrip(b"=").decode()
        return f"sha256={digest.hexdigest() if self.hexed else plain}"

    def write(self, folder: Path, record: Callable[[bytes], bytes] = bytes) -> Path:
        """Write the wheel; `record` may damage its RECORD."""
        path = folder / self.file
        listed = {**self.members(), f"{self.dist_info}/RECORD": record(self.record())}
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for name, content in {**listed, **self.extra}.items():
                row = zipfile.ZipInfo(name, (2026, 9, 1, 0, 0, 0))
                row.external_attr = (0o100755 if name in self.executable else 0o100644) << 16
                row.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(row, content)
        return path


def library(run_path: str, windows: bool) -> bytes:
    """Bytes that look like a shared library with a run path, or like a DLL, which has none."""
    if windows:
        return b"MZ\x90\0" + bytes(range(256)) * 16
    return b"\x7fELF\x02\x01\x01" + b"\0" + run_path.encode() + b"\0" + bytes(range(256)) * 16


@dataclass(frozen=True)
class Release:
    """One release of everything for one platform and Python."""

    windows: bool
    python: str = "3.11"
    rocm: str = "10.0.0"
    torch: str = "2.13.0"
    torchvision: str = "0.28.0"
    triton: str = "3.8.0+git4cff872c"
    triton_windows: str = "3.7.1.post27"

    @property
    def platform(self) -> str:
        return "win_amd64" if self.windows else "linux_x86_64"

    @property
    def native(self) -> str:
        """The folder of libraries."""
        return "bin" if self.windows else "lib"

    def name(self, project: str, version: str) -> str:
        cp = "cp" + self.python.replace(".", "")
        return f"{project}-{version}-{cp}-{cp}-{self.platform}.whl"

    def sdk(self, project: str) -> str:
        return f"{project}-{self.rocm}-py3-none-{self.platform}.whl"

    def core(self, commands: str) -> Made:
        run_path, root = "$ORIGIN:$ORIGIN/rocm_sysdeps/lib", "_rocm_sdk_core"
        functions = {line.partition(":")[2] for line in commands.splitlines()}
        cli = "".join(f"def {f}(): print({f!r})\n" for f in sorted(functions))
        data = f"rocm_sdk_core-{self.rocm}.data"
        suffix = ".exe" if self.windows else ""
        files = {
            f"{root}/{self.native}/amdhip64": library(run_path, self.windows),
            f"{root}/{self.native}/llvm/bin/clang{suffix}": library("$ORIGIN/../lib", self.windows),
            f"{root}/share/doc/hip/LICENSE.md": b"MIT\n",
            "rocm_sdk_core/__init__.py": b"",
            "rocm_sdk_core/_cli.py": cli.encode(),
            f"{data}/scripts/rocm-note": b"#!python\nprint('note')\n",
            f"{data}/data/share/rocm/notes.txt": b"notes\n",
            f"{data}/purelib/rocm_sdk_core_extra.py": b"extra = 1\n",
        }
        clang = f"{root}/{self.native}/llvm/bin/clang{suffix}"
        return Made(self.sdk("rocm_sdk_core"), files, (), commands, (clang,))

    def libraries(self) -> Made:
        run_path, root = "$ORIGIN/../../_rocm_sdk_core/lib", "_rocm_sdk_libraries"
        content = library(run_path, self.windows) + b".rocm_kpack_ref\0blas_lib_@GFXARCH@.kpack\0"
        files = {f"{root}/{self.native}/librocblas": content, "rocm_sdk_libraries/__init__.py": b""}
        return Made(self.sdk("rocm_sdk_libraries"), files)

    def device(self, gfx: str) -> Made:
        root = "_rocm_sdk_libraries"
        files = {
            f"{root}/.kpack/blas_lib_{gfx}.kpack": f"KPAK blas {gfx}".encode() * 64,
            f"{root}/{self.native}/rocblas/library/Kernels_{gfx}.co": f"code {gfx}".encode() * 64,
            f"{root}/.devel_links/{gfx}.json": b"{}",
        }
        requires = [f"rocm-sdk-libraries=={self.rocm}"]
        return Made(self.sdk(f"rocm_sdk_device_{gfx}"), files, requires, hexed=True)

    def torch_host(self, commands: str) -> Made:
        root = "torch"
        run_path = "$ORIGIN:$ORIGIN/../../_rocm_sdk_core/lib:$ORIGIN/../../_rocm_sdk_libraries/lib"
        start = f"import rocm_sdk\nrocm_sdk.initialize_process(check_version={self.rocm!r})\n"
        files = {
            f"{root}/__init__.py": f"{start}__version__ = {self.torch!r}\n".encode(),
            f"{root}/lib/torch_hip": library(run_path, self.windows) + b".rocm_kpack_ref\0",
            f"{root}/distributed/__init__.py": b"",
            f"{root}/distributed/run.py": b"def main(): print('torchrun')\n",
        }
        version = f"{self.torch}+rocm{self.rocm}"
        names = "filelock fsspec>=0.8.5 jinja2 networkx setuptools<82 sympy typing-extensions>=4.10"
        requires = [*names.split(), f"rocm[libraries]=={self.rocm}", "rocm-bootstrap"]
        if not self.windows:
            requires.append(f"triton=={self.triton}.rocm{self.rocm}; platform_system == 'Linux'")
        extra = f"amd-torch-device-gfx1100=={version}; extra == 'device-gfx1100'"
        return Made(self.name("torch", version), files, [*requires, extra], commands)

    def torch_device(self, gfx: str, requires: Iterable[str] = ()) -> Made:
        version, name = f"{self.torch}+rocm{self.rocm}", gfx.replace("-", "_")
        files = {f"torch/.kpack/torch_{name}.kpack": f"KPAK torch {gfx}".encode() * 64}
        file = self.name(f"amd_torch_device_{name}", version)
        return Made(file, files, [f"torch=={version}", *requires], hexed=True)

    def vision_host(self) -> Made:
        version = f"{self.torchvision}+rocm{self.rocm}"
        requires = ["numpy", "pillow", "rocm-bootstrap", f"torch=={self.torch}+rocm{self.rocm}"]
        files = {"torchvision/__init__.py": b"import torch\n"}
        return Made(self.name("torchvision", version), files, requires)

    def vision_device(self, gfx: str) -> Made:
        version = f"{self.torchvision}+rocm{self.rocm}"
        files = {f"torchvision/.kpack/torchvision_{gfx}.kpack": f"KPAK {gfx}".encode() * 64}
        requires = [f"torchvision=={version}", f"rocm-sdk-device-{gfx}=={self.rocm}"]
        file = self.name(f"amd_torchvision_device_{gfx}", version)
        return Made(file, files, requires, hexed=True)

    def triton_host(self, commands: str) -> Made:
        if self.windows:
            file = self.name("triton_windows", self.triton_windows)
            return Made(file, {"triton/__init__.py": b"", "triton/_C/libtriton.pyd": b"MZ"})
        file = self.name("triton", f"{self.triton}.rocm{self.rocm}")
        files = {"triton/__init__.py": b"", "triton/_C/libtriton.so": library("$ORIGIN", False)}
        return Made(file, files, (), commands)

    def bootstrap(self) -> Made:
        file = "rocm_bootstrap-0.3.0-py3-none-any.whl"
        return Made(file, {"rocm_bootstrap/__init__.py": b""})

    def selector(self, folder: Path) -> Path:
        """The source distribution `rocm`, whose setup.py looks at the machine unless told."""
        path = folder / f"rocm-{self.rocm}.tar.gz"
        info = f"__version__ = {self.rocm!r}\nDEFAULT_TARGET_FAMILY = 'default'\n"
        start = "def initialize_process(check_version):\n"
        start += f"    assert check_version == {self.rocm!r}\n"
        files = {
            "setup.py": SETUP,
            "PKG-INFO": f"Metadata-Version: 2.1\nName: rocm\nVersion: {self.rocm}\n",
            "src/rocm_sdk/__init__.py": start,
            "src/rocm_sdk/__main__.py": "def main(): print('rocm-sdk')\n",
            "src/rocm_sdk/_dist_info.py": info,
        }
        with tarfile.open(path, "w:gz") as archive:
            for name, text in files.items():
                row = tarfile.TarInfo(f"rocm-{self.rocm}/{name}")
                row.size = len(text.encode())
                archive.addfile(row, io.BytesIO(text.encode()))
        return path

    def write(self, folder: Path, targets: Mapping[str, str], commands: Contents) -> list[Path]:
        """Every file of the release for `targets` (family by gfx name)."""
        said = {name: text.decode() for name, text in commands.items()}
        made = [self.core(said["rocm-sdk-core"]), self.libraries(), self.bootstrap()]
        made += [self.torch_host(said["pytorch"]), self.triton_host(said["triton"])]
        made += [self.vision_host()]
        for gfx in targets:
            needs = [f"rocm-sdk-device-{gfx}=={self.rocm}"]
            made += [self.device(gfx), self.torch_device(gfx, needs), self.vision_device(gfx)]
        for family in sorted({f for f in targets.values() if f != "none"}):
            made.append(self.torch_device(family))
        return [self.selector(folder), *(one.write(folder) for one in made)]


SETUP = """\
import os, runpy
from setuptools import find_packages, setup

info = runpy.run_path("src/rocm_sdk/_dist_info.py")
if "ROCM_SDK_TARGET_FAMILY" not in os.environ:
    raise SystemExit("looked for a GPU of the machine that builds")
setup(
    name="rocm",
    version=info["__version__"],
    package_dir={"": "src"},
    packages=find_packages("src"),
    install_requires=["rocm-sdk-core==" + info["__version__"]],
    entry_points={"console_scripts": ["rocm-sdk = rocm_sdk.__main__:main"]},
)
"""
