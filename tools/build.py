"""`build`: every recipe, in order, into the channel below build/."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import filelock
import rattler_build
from rattler_build.progress import BuildStepEvent, LogEvent

from tools import (
    cache,
    channel,
    keys,
    normalise,
    patches,
    paths,
    placeholder,
    prefix,
    recipes,
    solve,
    source,
    stamps,
    standin,
)
from tools.console import Step, step
from tools.errors import ToolError, is_no_space, no_space
from tools.interrupt import interruptible
from tools.recipes import Recipe
from tools.trust import sbom, sums
from tools.variants import Variant, chosen

FORMAT = "conda:1"  # normalise compresses again
SPACE = 2 << 30  # bytes; vLLM's build folder takes 1.1 GB
ERROR = re.compile(r"(\w+\.)*\w*(Error|Exception|SystemExit)\b.*|ERROR: .+")


@dataclass(frozen=True)
class Job:
    """One package: a recipe, and the target where the recipe has a build per target."""

    recipe: Recipe
    variant: Variant | None

    @property
    def name(self) -> str:
        return self.recipe.name + (f"-{self.variant.name}" if self.variant else "")

    @property
    def platform(self) -> str:
        """The platform it is built for."""
        return solve.here()

    @property
    def given(self) -> dict[str, str]:
        """Variant values beside those of pins.yaml and the target's file."""
        return {}

    @cached_property
    def rendered(self) -> rattler_build.RenderedVariant:
        """The recipe with its templates filled in. Raises ToolError if it is not valid."""
        platform = rattler_build.PlatformConfig(
            target_platform=self.platform, build_platform=solve.here()
        )
        files: list[str | Path] = [paths.PINS]
        if self.variant:
            files.append(paths.VARIANTS / f"{self.variant.name}.yaml")
        context = rattler_build.JinjaConfig(platform=platform)
        values = rattler_build.VariantConfig.from_files_with_context(files, context)
        given = {key: [value] for key, value in self.given.items()}
        values = values.merge(rattler_build.VariantConfig(given))
        try:
            stage0 = rattler_build.Stage0Recipe.from_file(self.recipe.file)
            (one,) = stage0.render(values, rattler_build.RenderConfig(platform=platform))
        except rattler_build.RattlerBuildError as error:
            raise ToolError(f"{paths.shown(self.recipe.file)}: {error}") from None
        return one

    @cached_property
    def key(self) -> str:
        return keys.key(self.recipe, dict(self.rendered.variant))

    def is_current(self) -> bool:
        """Whether the channel holds the package of exactly this content."""
        stamp = stamps.read(self.name)
        if not stamp or stamp.key != self.key:
            return False
        package = paths.CHANNEL / stamp.file
        if not package.is_file() or cache.sha256_of(package) != stamp.sha256:
            return False
        return sbom.describes(package, stamp.sha256)

    @property
    def origin(self) -> sbom.Origin:
        """What the package is made from, for its bill of materials."""
        sources = self.rendered.recipe.to_dict().get("source") or []
        sources = [sources] if isinstance(sources, dict) else sources
        return sbom.Origin(sources, self.recipe.patches)


class Log:
    """Writes what the builder says to a file and shows the latest line."""

    def __init__(self, job: Job, current: Step) -> None:
        self.path = paths.BUILD / "logs" / f"{job.name}.log"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text("", encoding="utf-8")
        self._current = current

    def on_log(self, event: LogEvent) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            file.write(event.message + "\n")
        self._current(event.message.strip().partition("\n")[0][:100])

    def reason(self) -> str:
        """The last line that names an error, the script's own one if it ended in a traceback."""
        lines = self.path.read_text(encoding="utf-8").splitlines()
        return next((line for line in reversed(lines) if ERROR.match(line)), "")

    def on_build_step(self, event: BuildStepEvent) -> None:
        self._current(event.message)

    def on_download_start(self, event: object) -> None: ...
    def on_download_progress(self, event: object) -> None: ...
    def on_download_complete(self, event: object) -> None: ...


@contextmanager
def only_one() -> Iterator[None]:
    """Hold the lock of build/; refuse, not wait, if another run has it."""
    paths.BUILD.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(paths.BUILD / "lock", is_singleton=True)
    try:
        lock.acquire(blocking=False)
    except filelock.Timeout:
        raise ToolError(
            "another build is running in this checkout", "wait for it to end or stop it"
        ) from None
    try:
        yield
    finally:
        lock.release()


def build(targets: list[str] | None = None, platform: str | None = None) -> None:
    """Bring the channel up to date for `targets` (none: all). Raises ToolError.

    The packages are the same for every platform; for one that this is not, it is shown that what
    conda-forge has there completes them.
    """
    variants = chosen(targets)
    here = solve.here()
    with only_one(), full_disk():
        for subdir in dict.fromkeys([here, platform or here]):
            stand_in(subdir)
        every = recipes.all_recipes()
        for recipe in every:
            _build_recipe(recipe, variants)
        stamps.keep({job.name for recipe in every for job in _jobs(recipe, chosen(None))})
        publish()
        shutil.rmtree(paths.WORK, ignore_errors=True)
        if platform and platform != here:
            _prove(platform, variants)


def publish() -> None:
    """Make the channel hold and list what the stamps know, and nothing else."""
    channel.drop_strangers()
    if not channel.is_indexed():
        with step("index of the channel"):
            channel.index()
    sums.write(paths.CHANNEL, {stamp.file: stamp.sha256 for stamp in stamps.known()})


def _prove(platform: str, variants: list[Variant]) -> None:
    """With conda-forge's torch: AMD's, if it is in the channel, may be for another Python."""
    for variant in variants:
        if platform in variant.platforms:
            with step(f"solve {variant.name} on {platform}") as current:
                specs = ["vllm", *solve.asks_for(variant.name)]
                found = solve.records(specs, platform, channels=solve.channels_for(None))
                current.done(f"{len(found)} packages")


def fetch() -> None:
    """Only make sure that every pinned source is there, intact, and takes its patches."""
    with only_one(), full_disk():
        stand_in(solve.here())
        for recipe in recipes.all_recipes():
            _prepare(recipe)


def stand_in(platform: str) -> None:
    """The stand-in for conda-forge, which recipes are built with."""
    with step(f"conda-forge stand-in for {platform}") as current:
        standin.ensure(paths.STANDIN, platform, current)


def _jobs(recipe: Recipe, variants: list[Variant]) -> list[Job]:
    if recipe.has_targets:
        return [Job(recipe, variant) for variant in recipe.builds_for(variants)]
    return [Job(recipe, None)]


def _build_recipe(recipe: Recipe, variants: list[Variant]) -> None:
    outdated = [job for job in _jobs(recipe, variants) if not job.is_current()]
    if outdated:
        require_space()
        _prepare(recipe)
    for job in outdated:
        with step(f"build {job.name}") as current:
            make(job, current)


def require_space(needed: int = SPACE) -> None:
    """Raise ToolError before the disk is full: unpacking, the builder does not say that it was."""
    paths.WORK.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(paths.WORK).free < needed:
        raise no_space(paths.shown(paths.WORK))


def _prepare(recipe: Recipe) -> None:
    """The pinned source in place and its patches checked."""
    archive = source.pinned(recipe)
    if archive is None:
        return
    with step(f"source of {recipe.name} {recipe.context['version']}") as current:
        if not source.have(recipe, current):
            source.fetch(recipe, prefix.for_recipe(recipe, current), current)
    with step(f"patches of {recipe.name}") as current:
        current.done(f"{patches.check(recipe, archive)} apply")


def make(job: Job, current: Step) -> None:
    """Build one package, publish it and stamp it. Raises ToolError; then nothing is published."""
    log = Log(job, current)
    output = paths.WORK / "out"
    shutil.rmtree(output, ignore_errors=True)  # a failed build leaves its prefix there
    try:
        result = interruptible(lambda: _call(job, output, log))
    except rattler_build.RattlerBuildError as error:
        if is_no_space(error) or is_no_space(RuntimeError(log.path.read_text("utf-8"))):
            raise no_space(paths.shown(output)) from None
        raise ToolError(
            f"building {job.name} failed: {log.reason() or error}", f"see {paths.shown(log.path)}"
        ) from None
    (package,) = (Path(file) for file in result.packages)
    placeholder.unify(package)
    normalise.normalise(package)
    sbom.write(package, job.origin)
    sha256 = cache.sha256_of(package)
    file = channel.publish(package, result.platform)
    stamps.write(job.name, stamps.Stamp(job.key, file, sha256))


def _call(job: Job, output: Path, log: Log) -> rattler_build.BuildResult:
    # The builder takes half a minute to remove vLLM's build folder; shutil.rmtree takes one second.
    config = rattler_build.ToolConfiguration(test_strategy="native", keep_build=True)
    return job.rendered.run_build(
        tool_config=config,
        output_dir=output,
        channels=[paths.STANDIN.as_uri()],
        progress_callback=log,
        no_build_id=True,
        no_include_recipe=True,
        package_format=FORMAT,
    )


@contextmanager
def full_disk() -> Iterator[None]:
    """A full disk as one line; whatever was published before is still there."""
    try:
        yield
    except Exception as error:  # the builder and the solver have error types of their own
        if is_no_space(error):
            shutil.rmtree(paths.WORK, ignore_errors=True)
            raise no_space(paths.shown(paths.BUILD)) from None
        raise
