"""Scripts for the Python of a built environment: 3.8 and up, its standard library only."""
