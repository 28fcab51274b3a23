"""The bodies: masses, aerodynamics, parachute, engines, bridles, and their shapes."""
