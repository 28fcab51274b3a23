"""Skycrane lands a rover on Mars in your computer: flight, footage, relay, film and sound."""

__all__ = ["__version__"]

__version__ = "0.1.0"
