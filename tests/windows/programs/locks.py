"""flock of the stand-in for `fcntl`, by two Windows processes on one file. Prints what was free."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from vllm_gfx.stand_ins import fcntl

HOLDER = """
import os, sys
from vllm_gfx.stand_ins import fcntl
file = os.open(sys.argv[1], os.O_WRONLY)
fcntl.flock(file, int(sys.argv[2]))
print("held", flush=True)
how = input()
if how == "die":
    os._exit(0)
os.close(file) if how == "close" else fcntl.flock(file, fcntl.LOCK_UN)
print("free", flush=True)
input()
"""
Holder = subprocess.Popen  # of str


def hold(path: Path, kind: int) -> Holder:
    """Another process that holds the lock now."""
    command = [sys.executable, "-c", HOLDER, str(path), str(kind)]
    holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline() == "held\n"
    return holder


def let_go(holder: Holder, how: str) -> None:
    """Have it free the lock in one of three ways, and see that it did."""
    holder.stdin.write(f"{how}\n")
    holder.stdin.flush()
    assert holder.stdout.readline() == ("" if how == "die" else "free\n")
    if how == "die":
        holder.wait()


def free(path: Path) -> list[bool]:
    """Whether a reader and a writer get it now."""
    found = []
    for kind in (fcntl.LOCK_SH, fcntl.LOCK_EX):
        with path.open("r+") as file:
            try:
                fcntl.flock(file, kind | fcntl.LOCK_NB)
            except BlockingIOError:
                found.append(False)
            else:
                found.append(True)
    return found


def waits(path: Path) -> bool:
    """Whether a reader waits for a writer in another process, and then reads."""
    read: list[str] = []

    def reader() -> None:
        with path.open() as file:
            fcntl.flock(file, fcntl.LOCK_SH)
            read.append(file.read())

    holder = hold(path, fcntl.LOCK_EX)
    thread = threading.Thread(target=reader)
    thread.start()
    thread.join(0.5)
    too_early = list(read)
    let_go(holder, "die")
    thread.join(30)
    return too_early == [] and read == ["whole"]


def main() -> None:
    """Write a file below a folder with a space and an umlaut, and lock it every way."""
    with tempfile.TemporaryDirectory(prefix="lück en ") as folder:
        print(json.dumps(tried(Path(folder, "hidden states.lock"))))


def tried(path: Path) -> dict[str, object]:
    """Every way on a file of this name."""
    path.write_text("whole")
    said: dict[str, object] = {}
    for name, kind in (("exclusive", fcntl.LOCK_EX), ("shared", fcntl.LOCK_SH)):
        for how in ("unlock", "close", "die"):
            holder = hold(path, kind)
            during, content = free(path), path.read_text()
            let_go(holder, how)
            said[f"{name} {how}"] = [during, content, free(path)]
            holder.communicate("\n" if how != "die" else None)
    said["waits"] = waits(path)
    return said


main()
