"""Interaction-aware LoRA (Crab+): one shared A, one B for each group of tasks, mixed by a router; a method of PEFT."""
