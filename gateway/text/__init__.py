"""Text on its way in and out: decoded, sanitized, measured in terminal cells, wrapped, compared."""
