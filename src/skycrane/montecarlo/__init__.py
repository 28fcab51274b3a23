"""Many flights: the cases of a mission flown, kept, merged and told as statistics."""
