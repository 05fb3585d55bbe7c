"""Money is whole minor units: near it there is no float, not even for a moment."""

import ast

from tests.architecture.code import File, source_files

MONEY_PACKAGES = {"payments", "credits", "ledger", "tips", "orders", "qr", "till"}


def _is_about_money(file: File) -> bool:
    return file.package in MONEY_PACKAGES or file.place == ("kernel", "money")


def _is_float(node: ast.AST) -> bool:
    """The type, a literal, or the `/` that makes one of two whole numbers."""
    return (
        (isinstance(node, ast.Name) and node.id == "float")
        or (isinstance(node, ast.Constant) and isinstance(node.value, float))
        or (isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div))
    )


def test_there_is_no_float_near_money() -> None:
    floats = [
        file.at(getattr(node, "lineno", 1))
        for file in source_files()
        if _is_about_money(file)
        for node in file.nodes
        if _is_float(node)
    ]

    assert floats == []


def test_the_check_sees_a_float() -> None:
    faults = [ast.parse(text).body[0] for text in ("x: float = 1", "x = 0.5", "x = total / 3", "x /= 3")]

    assert all(any(_is_float(node) for node in ast.walk(fault)) for fault in faults)
