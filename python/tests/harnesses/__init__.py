"""Tests that run exports with the harnesses themselves."""
