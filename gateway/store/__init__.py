"""The gateway's own database of people: what stands in it, how it is read and written."""
