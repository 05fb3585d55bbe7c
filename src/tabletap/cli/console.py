"""What the command line prints: results on stdout, one plain sentence on stderr when something was turned down."""

import sys

from rich.console import Console
from rich.table import Table

_WIDTH_IN_FILES = 160
"""Addresses that are written to a file or a pipe are never cut."""


def console() -> Console:
    """Standard output."""
    return Console(width=None if sys.stdout.isatty() else _WIDTH_IN_FILES, highlight=False, soft_wrap=False)


def say(sentence: str) -> None:
    """Print a line as it is."""
    sys.stdout.write(f"{sentence}\n")
    sys.stdout.flush()


def complain(sentence: str) -> None:
    """Print one sentence on stderr."""
    sys.stderr.write(f"{' '.join(sentence.split())}\n")
    sys.stderr.flush()


def table(title: str, *columns: str) -> Table:
    """A table whose cells are never cut and never read as markup."""
    made = Table(title=title, title_justify="left", show_edge=False, pad_edge=False, header_style="bold")
    for column in columns:
        made.add_column(column, overflow="fold")
    return made
