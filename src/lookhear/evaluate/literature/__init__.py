"""The published numbers, how they are listed, and what does not add up in them."""
