"""Training of nets and of language models."""
