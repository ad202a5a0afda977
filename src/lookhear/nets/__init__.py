"""Small answer networks: one paper, one file."""
