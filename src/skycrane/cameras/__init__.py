"""Optics, rays, shutter, sensor, truth."""
