"""Bank statements in the formats of the world, read into one model: pure, no database. The way in is `reading.read`."""
