"""The planet: gravity, atmosphere, wind, sun, terrain, sky, acoustics of the air."""
