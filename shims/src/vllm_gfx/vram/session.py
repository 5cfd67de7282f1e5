"""Watches the engine of this process: from before its model is loaded until it ends."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from vllm.logger import init_logger

from vllm_gfx import envs
from vllm_gfx.refusal import Refusal
from vllm_gfx.vram import counters, usage, words
from vllm_gfx.vram.counters import CannotRead, Counters
from vllm_gfx.vram.monitor import Monitor
from vllm_gfx.vram.usage import Usage
from vllm_gfx.vram.watch import Event, Watch

logger = init_logger("vllm.plugins.gfx")  # under `vllm`, whose handlers print it

_ASKED = f"{envs.ON_SPILL}={envs.REFUSE}"
_NOT_COUNTED = "Windows counts no GPU memory for this process"


class Spilled(Refusal):
    """VLLM_GFX_ON_SPILL=refuse, and memory is spilled, or nobody can tell any more."""


class Session:
    """One engine's: `started` once it is up, `stop` at its end. `unknown` says why it is blind."""

    def __init__(
        self,
        counters: Counters,
        remedy: Callable[[int], str],
        refuses: bool = False,
        wait: Callable[[float], bool] | None = None,
    ) -> None:
        """Raises CannotRead. `remedy`: words for so many spilled bytes."""
        self._counters = counters
        self._remedy = remedy
        self.refuses = refuses
        self._watch = Watch()
        self._lock = threading.Lock()
        self._last = "", ""  # what is wrong, and what to do
        self._monitor = Monitor(self.look, wait)
        self._adapter = ""
        self._failed = 0  # readings in a row
        self.unknown = ""
        try:
            self._before = counters.read()
        except CannotRead:
            counters.close()
            raise

    @property
    def most(self) -> int:
        """The most bytes that were spilled at any time."""
        return self._watch.most

    def started(self, pinned: int) -> None:
        """Judge the start-up, with `pinned` bytes of it, and look from now on.

        Raises Spilled where a spill is to be refused, and CannotRead.
        """
        reading = self._counters.read()
        if (adapter := usage.in_use(reading)) is None:
            raise CannotRead(_NOT_COUNTED)
        self._adapter = adapter
        self._tell(self._watch.start(self._before.get(adapter, Usage()), pinned, reading[adapter]))
        self.refuse()
        self._monitor.start()

    def look(self) -> bool:
        """Take a reading; False if there will be no more, as too many in a row have failed."""
        with self._lock:
            if self.unknown:
                return False
            try:
                reading = self._counters.read()
                if self._adapter not in reading:  # which says nothing: not that nothing is used
                    raise CannotRead(_NOT_COUNTED)
            except CannotRead as error:
                return self._fail(error)
            self._failed = 0
            self._tell(self._watch.observe(reading[self._adapter]))
            return True

    def _fail(self, error: CannotRead) -> bool:
        self._failed += 1
        if self._failed < self._watch.limits.failed:
            return True
        self.unknown = str(error)
        end = "; no new requests are taken" if self.refuses else ""
        logger.warning("a spill of GPU memory is not noticed any more: %s%s", error, end)
        return False

    def refuse(self) -> None:
        """Raise Spilled if memory is spilled, or may be, and that is to be refused."""
        if not self.refuses:
            return
        with self._lock:  # a reading is on its way until it has its words
            if self.unknown:
                what = f"{_ASKED}, but nothing tells of a spill any more: {self.unknown}"
                raise Spilled(what, f"restart, or unset {envs.ON_SPILL}")
            if self._watch.spilled:
                raise Spilled(*self._last)

    def stop(self) -> None:
        """Look no more."""
        self._monitor.stop()
        with self._lock:
            self._counters.close()

    def _tell(self, event: Event | None) -> None:
        if event is None:
            return
        if event.spilled:
            self._last = words.spill(event), self._remedy(event.spilled)
            logger.warning("%s; %s", *self._last)
        else:
            logger.info("%s", words.over(event))


_current: Session | None = None
_unknown = ""


def begin(config: Any, total: Callable[[], int]) -> Session | None:
    """Watch the engine that `config` describes, before it loads.

    `total`: bytes of its GPU, asked only where there is something to watch. None where there is
    nothing, or it cannot be watched, which is said once. Raises Refusal if that is so and spills
    are to be refused.
    """
    global _current, _unknown
    end(_current)
    _unknown = ""
    refuses = envs.on_spill() == envs.REFUSE
    try:
        if (found := counters.here()) is not None:
            plan = words.Plan.of(config, total())
            _current = Session(found, plan.remedy, refuses)
    except CannotRead as error:
        _blind(error, refuses)
    return _current


def started(pinned: Callable[[], int]) -> None:
    """The engine is up, with `pinned` bytes of system memory for its GPU. Raises Refusal.

    They are asked only where an engine is watched.
    """
    if _current is None:
        return
    try:
        _current.started(pinned())
    except CannotRead as error:
        _blind(error, _current.refuses)


def _blind(error: CannotRead, refuses: bool) -> None:
    global _unknown
    end(_current)
    _unknown = str(error)
    if refuses:
        what = f"{_ASKED}, but nothing tells of a spill here: {error}"
        raise Refusal(what, "unset it") from error
    logger.warning("a spill of GPU memory to system memory would not be noticed: %s", error)


def end(session: Session | None) -> None:
    """An engine has ended: its session, which may no more be this process's."""
    global _current
    if session is not None:
        session.stop()
    if session is _current:
        _current = None


def refuse() -> None:
    """Raise Spilled if this process's engine has spilled, and spills are to be refused."""
    if _current is not None:
        _current.refuse()


def observed() -> tuple[bool | None, str]:
    """Whether this process's engine has spilled at any time; None, and why, if nobody can tell."""
    if _current is None:
        return (None, _unknown) if _unknown else (False, "")
    if not _current.unknown:
        _current.look()
    if _current.most:
        return True, ""
    return (None, _current.unknown) if _current.unknown else (False, "")
