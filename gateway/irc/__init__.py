"""The IRC bot: one connection to each network, requests in private and in channels."""
