"""Text to model and back; nothing here opens a file or asks a machine."""
