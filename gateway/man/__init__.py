"""The manual pages finger-gateway(1) and gateway.toml(5), and what generates them: `python -m gateway.man`.

The pages lie here, because a build has only hatchling; the wheel installs them in share/man and leaves this package out.
"""
