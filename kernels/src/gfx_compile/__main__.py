"""`python -m gfx_compile`."""

from gfx_compile.cli import main

if __name__ == "__main__":
    main()
