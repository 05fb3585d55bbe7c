"""Worlds to read figures of."""

from tests.support.shared_world import module_world, moving_world, own_world, shared_world, world

__all__ = ["module_world", "moving_world", "own_world", "shared_world", "world"]
