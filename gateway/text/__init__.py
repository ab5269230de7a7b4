"""Text on its way out: cleaned, measured in terminal cells, put into templates."""
