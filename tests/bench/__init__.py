"""What questions cost, against servers that do nothing else. `python -m tests.bench -h`. Nothing here is a test: figures
are for people to judge, on a machine that does nothing besides."""
