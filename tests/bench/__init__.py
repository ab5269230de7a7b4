"""The cost of requests, compared with minimal servers. `python -m tests.bench -h`. These are no tests: the figures
are for people to judge, on an otherwise idle machine."""
