"""The data storage unit: what is written during the landing, and survives it."""
