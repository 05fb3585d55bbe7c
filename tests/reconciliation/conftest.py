"""Worlds with transfers to match: one shared by the tests that only add orders, and others for tests that do more."""

from tests.support.shared_world import module_world, own_world, shared_world, world

__all__ = ["module_world", "own_world", "shared_world", "world"]
