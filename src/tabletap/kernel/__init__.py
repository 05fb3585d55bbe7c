"""Pure building blocks that every other package may use: money, ids, clock, refusals, people and facts."""
