"""A stand-in for conda-forge: the closure of vLLM's requirements as an indexed conda channel.

For CI and machines without conda-forge. Wheels named by a committed lock, and the Python that runs
this, are repackaged; nothing is compiled. Users get the same packages from conda-forge.
"""

from tools import recipes, source
from tools.cache import Progress
from tools.errors import ToolError
from tools.standin import lockfile, platforms, requirements
from tools.standin.channel import ensure

__all__ = ["ensure", "lock", "vllm_requirements"]


def lock(platform: str, progress: Progress) -> int:
    """Resolve again and write the lock of `platform`; returns how many wheels it names.

    Raises ToolError if vLLM's source distribution is not there yet, if nothing satisfies all
    requirements, or if the torch that pip offers is not a CPU build.
    """
    return len(lockfile.write(platforms.get(platform), vllm_requirements(progress), progress))


def vllm_requirements(progress: Progress) -> str:
    """requirements/common.txt of the pinned vLLM; raises ToolError if that is not downloaded."""
    recipe = next(recipe for recipe in recipes.all_recipes() if recipe.name == "vllm")
    sdist = source.pinned(recipe)
    if sdist is None or not source.have(recipe, progress):
        raise ToolError("vLLM's source distribution is not here", "run `python dev.py fetch`")
    return requirements.vllm_common(sdist)
