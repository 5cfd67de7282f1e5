"""Reading a wheel: its metadata, what it needs on a platform, and where its files belong."""

import configparser
import re
import zipfile
from collections.abc import Collection, Iterator
from functools import cached_property
from pathlib import Path

from packaging.metadata import Metadata
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

from tools.errors import ToolError
from tools.standin.platforms import Platform

SCRIPT_GROUPS = ("console_scripts", "gui_scripts")


class Wheel:
    """One wheel file; raises ToolError if it is not a readable wheel."""

    def __init__(self, path: Path) -> None:
        self.path = path
        name, version, _, self.tags = parse_wheel_filename(path.name)
        self.name, self.version = str(name), str(version)
        try:
            with zipfile.ZipFile(path) as archive:
                self.members = {i.filename: i for i in archive.infolist() if not i.is_dir()}
                self.dist_info = self._find_dist_info()
                self.metadata = Metadata.from_email(
                    archive.read(f"{self.dist_info}/METADATA"), validate=False
                )
        except (zipfile.BadZipFile, KeyError, StopIteration) as error:
            raise ToolError(f"{path.name}: not a readable wheel ({error})") from error

    def _find_dist_info(self) -> str:
        return next(
            n.split("/")[0] for n in self.members if re.fullmatch(r"[^/]+\.dist-info/METADATA", n)
        )

    @property
    def pure(self) -> bool:
        return all(tag.platform == "any" for tag in self.tags)

    @property
    def data(self) -> str:
        """Prefix of the members that do not go to site-packages."""
        return self.dist_info.removesuffix(".dist-info") + ".data/"

    @cached_property
    def entry_points(self) -> list[str]:
        """`name = module:function` of every script the installer must make, sorted."""
        if (name := f"{self.dist_info}/entry_points.txt") not in self.members:
            return []
        parser = configparser.ConfigParser(delimiters=("=",), interpolation=None)
        parser.optionxform = str  # type: ignore[assignment,method-assign]
        with zipfile.ZipFile(self.path) as archive:
            parser.read_string(archive.read(name).decode("utf-8"))
        groups = (parser.items(group) for group in SCRIPT_GROUPS if parser.has_section(group))
        return sorted(f"{k} = {v.split('[')[0].strip()}" for items in groups for k, v in items)

    def requires(self, platform: Platform, extras: Collection[str]) -> Iterator[Requirement]:
        """What it needs on `platform` with `extras`, markers gone, itself left out."""
        for requirement in self.metadata.requires_dist or []:
            marker = requirement.marker
            wanted = marker is None or any(
                marker.evaluate({**platform.markers, "extra": extra}) for extra in ("", *extras)
            )
            if wanted and canonicalize_name(requirement.name) != self.name:
                yield requirement

    def python_needed(self) -> str:
        """Version clauses of Requires-Python in PEP 440; "" if it says nothing."""
        return str(self.metadata.requires_python or "")

    def glibc_needed(self) -> str | None:
        """The oldest glibc one of its tags promises to run on, as "2.28"."""
        found = [re.match(r"manylinux_(\d+)_(\d+)_", tag.platform) for tag in self.tags]
        versions = sorted((int(m[1]), int(m[2])) for m in found if m)
        return "{}.{}".format(*versions[0]) if versions else None

    def licence(self) -> str:
        """The licence as the metadata names it, one line."""
        text = self.metadata.license_expression or self.metadata.license or ""
        return (text.strip().splitlines() or [""])[0][:100]

    def licence_files(self) -> list[str]:
        """Members below dist-info that hold licence texts."""
        pattern = re.compile(r"licen[cs]e|copying|notice|authors", re.IGNORECASE)
        inside = (n for n in self.members if n.startswith(f"{self.dist_info}/"))
        return sorted(n for n in inside if pattern.search(n.removeprefix(self.dist_info)))
