"""The gateway's own database of people: its contents, how it is read and written."""
