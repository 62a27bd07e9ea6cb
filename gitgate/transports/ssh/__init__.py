"""The ssh door: conch's protocol with back-pressure, limits and a session channel of our own."""
