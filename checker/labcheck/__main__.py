"""`python -m labcheck`."""

from labcheck.cli import main

if __name__ == "__main__":
    main()
