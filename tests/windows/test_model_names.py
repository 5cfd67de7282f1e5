"""The names of transformers' models are kept in a file, on Windows' own calls."""

from __future__ import annotations

from tests.windows import programs


def test_names_are_looked_for_when_a_file_has_changed() -> None:
    """A process that reads the file at that moment costs one more look, and nothing else."""
    assert programs.output("model_names") == {
        "first": 1,
        "second": 1,
        "changed, and another process reads the file": 2,
        "changed": 3,
        "at the end": 3,
        "files": ["names.json"],
    }
