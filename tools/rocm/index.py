"""AMD's Python index: pages in PyPI's simple layout, which list files and no hashes."""

from __future__ import annotations

import re
from functools import cache

import requests
from packaging.version import InvalidVersion, Version
from pypi_simple import (
    DistributionPackage,
    NoSuchProjectError,
    PyPISimple,
    UnsupportedContentTypeError,
    UnsupportedRepoVersionError,
)

from tools.errors import ToolError


class Index:
    """The index at `root`; each page is read once."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.page = cache(self._page)

    def file(self, name: str, project: str) -> DistributionPackage | None:
        """The file called `name` on the page of `project`; None if the page does not list it.

        Raises ToolError if there is no such page, or if what answers is not an index.
        """
        return self.page(project).get(name)

    def versions(self, project: str, local: str) -> list[str]:
        """Versions of `project` whose local part ends in `local` ("rocm10.0.0"), newest first."""
        found = {p.version for p in self.page(project).values() if p.version}
        ours = [v for v in found if re.search(rf"[+.]{re.escape(local)}$", v)]
        return sorted(ours, key=_order, reverse=True)

    def _page(self, project: str) -> dict[str, DistributionPackage]:
        try:
            with PyPISimple(self.root) as client:
                page = client.get_project_page(project, timeout=60)
        except NoSuchProjectError:
            raise ToolError(
                f"{self.root} has no {project}",
                "AMD may publish it on another stream only; give --index, or leave the target out",
            ) from None
        except (
            requests.RequestException,
            UnsupportedContentTypeError,
            UnsupportedRepoVersionError,
        ) as error:
            raise ToolError(
                f"cannot read {self.root}/{project}: {' '.join(str(error).split())[:200]}",
                "check the network, or give --index",
            ) from None
        return {package.filename: package for package in page.packages}


def _order(version: str) -> Version:
    try:
        return Version(version)
    except InvalidVersion:
        return Version("0")
