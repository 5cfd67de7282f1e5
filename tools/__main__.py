"""`python -m tools TASK`."""

from tools.cli import main

if __name__ == "__main__":
    main()
