"""Other places where people are written down, asked after the store."""
