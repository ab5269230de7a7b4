"""Who people are and who may see what. Knows no protocol, no socket, no SQL."""
