"""``python -m flowmap`` is the command line."""

from flowmap.cli import main

main()
