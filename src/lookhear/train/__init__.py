"""Straight training loops."""
