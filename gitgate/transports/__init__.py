"""The doors. Each parses what its client asks, asks the gateway, and translates the answer; none decides anything."""
