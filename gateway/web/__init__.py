"""The web side: pages for people, JSON for programs, text for curl."""
