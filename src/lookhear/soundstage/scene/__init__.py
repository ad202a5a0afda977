"""What is on stage: players, places, times; worlds and splits sampled from a seed."""
