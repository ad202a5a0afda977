"""Parts that several networks share: attention, recurrent readers, pooling, Q-Former, mask decoder, key-value cache."""
