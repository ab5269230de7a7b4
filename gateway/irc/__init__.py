"""The IRC bot: one connection to each network, questions in private and in channels."""
