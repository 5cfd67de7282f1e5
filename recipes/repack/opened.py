"""A wheel opened for repacking: is it what its name says, and is every file in it accounted for?"""

import base64
import csv
import itertools
import re
import stat
import zipfile
from pathlib import Path, PurePosixPath

UNLISTED = ("RECORD", "RECORD.jws", "RECORD.p7s")  # of dist-info: what RECORD cannot hold a hash of
HASHES = {"sha256": 32, "sha384": 48, "sha512": 64}  # bytes
UNSAFE = re.compile(r"^/|^[A-Za-z]:|\\|(^|/)\.\.?(/|$)|[\0-\x1f:*?\"<>|]")


class WheelError(Exception):
    """What is wrong with a wheel, in one line."""


class OpenedWheel:
    """The members of a wheel and what RECORD says of them.

    Raises WheelError if the file is no wheel, not the one its name promises, or if RECORD and the
    members are not the same list. Contents are compared while they are read: `digest_of`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.archive = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError) as error:
            raise WheelError(f"{path.name} is no readable wheel: {error}") from None
        try:
            self.members = self._members()
            self.dist_info = self._dist_info()
            self._check_tag()
            self.record = self._record()
        except BaseException:
            self.archive.close()
            raise

    def __enter__(self) -> "OpenedWheel":
        return self

    def __exit__(self, *error: object) -> None:
        self.archive.close()

    @property
    def data(self) -> str:
        """Prefix of the members that do not go to site-packages."""
        return self.dist_info.removesuffix(".dist-info") + ".data/"

    def text(self, name: str) -> str:
        """The file `name` of dist-info."""
        return self._read(f"{self.dist_info}/{name}")

    def digest_of(self, member: str) -> tuple[str, bytes] | None:
        """Algorithm and digest that RECORD demands of a member; None where it cannot."""
        return self.record[member]

    def _members(self) -> dict[str, zipfile.ZipInfo]:
        found: dict[str, zipfile.ZipInfo] = {}
        for member in self.archive.infolist():
            name = member.filename
            if UNSAFE.search(name.rstrip("/")) or stat.S_ISLNK(member.external_attr >> 16):
                raise WheelError(f"{self.path.name} holds {name!r}: not a plain file below it")
            if name in found:
                raise WheelError(f"{self.path.name} holds {name} twice")
            if not member.is_dir():
                found[name] = member
        return found

    def _dist_info(self) -> str:
        """The one dist-info folder, which must bear the name and version of the file."""
        tops = {PurePosixPath(name).parts[0] for name in self.members}
        found = sorted(top for top in tops if top.endswith(".dist-info"))
        wanted = "-".join(self.path.name.split("-")[:2]) + ".dist-info"
        if len(found) != 1 or _plain(found[0]) != _plain(wanted):
            raise WheelError(f"{self.path.name} holds {' and '.join(found) or 'no dist-info'}")
        return found[0]

    def _check_tag(self) -> None:
        """Refuse a wheel that was renamed to another Python or platform."""
        tags = re.findall(r"^Tag: *(\S+)", self._read(f"{self.dist_info}/WHEEL"), re.MULTILINE)
        parts = [part.split(".") for part in self.path.stem.split("-")[-3:]]
        named = {"-".join(tag) for tag in itertools.product(*parts)}
        if not named & set(tags):
            raise WheelError(f"{self.path.name} was built for {', '.join(tags) or 'nothing'}")

    def _read(self, member: str) -> str:
        if member not in self.members:
            raise WheelError(f"{self.path.name} has no {member}")
        try:
            return self.archive.read(member).decode("utf-8")
        except (zipfile.BadZipFile, UnicodeDecodeError) as error:
            raise WheelError(f"{self.path.name}: {member}: {error}") from None

    def _record(self) -> dict[str, tuple[str, bytes] | None]:
        """RECORD by member; it must list each member, and nothing else."""
        rows = list(csv.reader(self._read(f"{self.dist_info}/RECORD").splitlines()))
        if broken := [row for row in rows if len(row) != 3]:
            raise WheelError(f"{self.path.name}: RECORD has a line {','.join(broken[0])!r}")
        found = {row[0]: self._digest(*row) for row in rows}
        for name in sorted(found.keys() ^ self.members.keys()):
            if name not in found and name.removeprefix(f"{self.dist_info}/") in UNLISTED:
                found[name] = None
                continue
            what = "holds no" if name in found else "does not list in RECORD its"
            raise WheelError(f"{self.path.name} {what} {name}")
        return found

    def _digest(self, name: str, field: str, size: str) -> tuple[str, bytes] | None:
        """A hash as PEP 376 writes it, or in hex, as AMD's tool that splits wheels does."""
        if not field and name.removeprefix(f"{self.dist_info}/") in UNLISTED:
            return None
        algorithm, _, text = field.partition("=")
        try:
            is_hex = len(text) == 2 * HASHES[algorithm]
            padding = "=" * (-len(text) % 4)
            digest = bytes.fromhex(text) if is_hex else base64.urlsafe_b64decode(text + padding)
            promised = int(size or self.members[name].file_size)
        except (KeyError, ValueError):
            raise WheelError(f"{self.path.name}: RECORD gives {name} {field!r}, {size!r}") from None
        if name in self.members and promised != self.members[name].file_size:
            actual = self.members[name].file_size
            raise WheelError(f"{self.path.name}: {name} has {actual} bytes, RECORD says {size}")
        return algorithm, digest


def _plain(name: str) -> str:
    """A dist-info folder's name as two tools would agree on."""
    return re.sub("[-_.]+", "-", name).lower()
