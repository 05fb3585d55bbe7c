"""Worlds with transfers to be made: one shared by the tests that only add orders, others for tests that do more."""

from tests.support.shared_world import own_world, shared_world, world

__all__ = ["own_world", "shared_world", "world"]
