"""The interfaces that workflows act through; `backends` implement them, tests fake them."""
