"""Runs git: its command line and environment, its process, and the streams between it and a client."""
