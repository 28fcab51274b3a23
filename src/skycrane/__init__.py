"""Skycrane lands a rover on Mars in your computer: flight, footage, relay, film and sound."""
