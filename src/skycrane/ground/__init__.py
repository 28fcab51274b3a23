"""Demosaic, colour, stills, call-outs, captions, the cut."""
