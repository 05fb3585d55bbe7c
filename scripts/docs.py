"""Writes the files that are made from the code; with --check it only says which are out of date.

To add one: write a function that returns its text, and name it in PAGES.
"""

import importlib
import json
import pkgutil
import sys
from collections.abc import Callable
from pathlib import Path

import tabletap
from tabletap.kernel.errors import REFUSALS
from tabletap.realtime.asyncapi import document

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))

from scripts.declarations import declarations  # noqa: E402  # found only after the line above
from scripts.live_reference import live_reference  # noqa: E402  # as above

GENERATED = "<!-- Made by `make docs` from the code; do not edit. -->"


def main(arguments: list[str]) -> int:
    """Write every file, or with --check exit 1 when one is not as the code would write it."""
    stale = [page for page, write in PAGES.items() if not _is_current(REPOSITORY / page, write())]
    if "--check" in arguments:
        for page in stale:
            print(f"{page} is out of date: run `make docs`.", file=sys.stderr)
        return 1 if stale else 0
    for page in stale:
        (REPOSITORY / page).parent.mkdir(parents=True, exist_ok=True)
        (REPOSITORY / page).write_text(PAGES[page]())
        print(page)
    return 0


def error_codes() -> str:
    """Every refusal a caller can meet: its code, status, whether trying again helps, and its sentence."""
    import_everything()
    rows = [
        f"| `{code}` | {refusal.kind.value} | {'yes' if refusal.retryable else 'no'} | {_sentence(refusal)} |"
        for code, refusal in sorted(REFUSALS.items())
        if refusal.__module__.startswith("tabletap.")
    ]
    head = [
        "# Error codes",
        "",
        GENERATED,
        "",
        "Every answer that turns something down carries one of these as `code`.",
    ]
    table = ["| code | status | try again | meaning |", "|---|---|---|---|", *rows]
    return "\n".join([*head, "", *table, ""])


def asyncapi() -> str:
    """The live API for machines, as a server on this computer serves it at /asyncapi.json."""
    return json.dumps(document("http://127.0.0.1:8000"), indent=1, ensure_ascii=False) + "\n"


def import_everything() -> None:
    """Import all of TableTap, so that whatever registers itself has done so. Migrations run only through Alembic."""
    for module in pkgutil.walk_packages(tabletap.__path__, "tabletap."):
        if ".migrations" not in module.name and not module.name.endswith("__main__"):
            importlib.import_module(module.name)


def _sentence(refusal: type[Exception]) -> str:
    paragraph = (refusal.__doc__ or "").strip().split("\n\n")[0]
    return " ".join(paragraph.split()).replace("|", "\\|")


def _is_current(path: Path, text: str) -> bool:
    return path.exists() and path.read_text() == text


PAGES: dict[str, Callable[[], str]] = {
    "docs/reference/errors.md": error_codes,
    "docs/reference/asyncapi.json": asyncapi,
    "docs/reference/live.md": lambda: live_reference(GENERATED),
    "clients/javascript/events.d.ts": declarations,
}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
