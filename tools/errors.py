"""The one exception for a problem its reader can do something about."""


class ToolError(RuntimeError):
    """One line that says what is wrong and what to do; the command line prints it and exits 1."""
