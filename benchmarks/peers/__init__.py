"""Peers that figures are measured beside, each run in an environment of its own."""
