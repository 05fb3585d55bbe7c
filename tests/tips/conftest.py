"""The world that the tests of this package share on each engine."""

from tests.support.shared_world import own_world, shared_world, world

__all__ = ["own_world", "shared_world", "world"]
