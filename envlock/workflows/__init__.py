"""One story each, told through the ports; nothing here imports a backend."""
