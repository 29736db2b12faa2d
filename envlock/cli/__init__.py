"""One module per command; `wiring` pairs ports with backends, `render` shows values."""
