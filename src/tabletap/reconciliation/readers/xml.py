"""XML from strangers: no DTD, no entity, no endless depth; what is done with is let go: memory is not the size's."""

from collections.abc import Iterator
from typing import BinaryIO, Literal
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import iterparse

from tabletap.reconciliation.readers.errors import StatementUnreadable

MAX_DEPTH = 64
"""A camt message has some twenty levels."""
MAX_ELEMENTS = 20_000
"""Elements that are kept at one time: one booking with all its details has a few dozen."""


class Tree:
    """The part of the document that is open now. Whoever is done with an element says `let_go`."""

    def __init__(self) -> None:
        self.open: list[Element] = []
        self._kept = 0

    @property
    def depth(self) -> int:
        """How deep we are: 1 in the outermost element."""
        return len(self.open)

    def let_go(self, element: Element) -> None:
        """Forget what is in an element that has ended. The parser is ahead of us, so its empty shell stays in place."""
        element.clear()
        self._kept = 0

    def entered(self, element: Element) -> None:
        """Keep count of depth and elements; raises StatementUnreadable beyond what any statement needs."""
        self.open.append(element)
        self._kept += 1
        if len(self.open) > MAX_DEPTH:
            raise StatementUnreadable(f"The file is nested more than {MAX_DEPTH} levels deep: no bank writes that.")
        if self._kept > MAX_ELEMENTS:
            raise StatementUnreadable("The file has one booking of more parts than any bank writes.")


def walk(file: BinaryIO, tree: Tree) -> Iterator[tuple[Literal["start", "end"], Element]]:
    """Go through a document: at "start" an element has its name, at "end" also what is in it.

    Raises StatementUnreadable for whatever is wrong with the XML, with the place where the parser knows it.
    """
    events = iterparse(file, events=("start", "end"), forbid_dtd=True)
    while True:
        try:
            event, element = next(events)
        except StopIteration:
            return
        except ParseError as problem:
            line, column = problem.position
            reason = str(problem).split(":")[0]
            raise StatementUnreadable(f"Line {line}, column {column + 1}: this is not whole XML ({reason}).") from None
        except DefusedXmlException:
            raise StatementUnreadable("The file declares a DTD or entities; no bank statement needs them.") from None
        except (LookupError, ValueError):  # an encoding that does not exist, or that the text does not keep to
            raise StatementUnreadable("The file's text is not in the encoding that it names.") from None
        if event == "start":
            tree.entered(element)
            yield "start", element
        else:
            tree.open.pop()
            yield "end", element
