"""The world that the tests of this package share on each engine."""

from tests.support.shared_world import shared_world, world

__all__ = ["shared_world", "world"]
