"""Other people's formats: what a run holds, for their tools. One module a format."""
