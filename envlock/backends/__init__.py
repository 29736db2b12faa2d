"""Where the world is touched: one module for each foreign library, file tree or process."""
