"""The world that the tests of this package share on each engine, and one whose clock and menu may change."""

from tests.support.shared_world import module_world, moving_world, shared_world, world

__all__ = ["module_world", "moving_world", "shared_world", "world"]
