"""What a prober is told. No sentence of it names anybody."""

LIVES = "ok"
READY = "ready"
STORE = "the database cannot be read"
BEHIND = "changes are not followed"
STOPPING = "starting or stopping"
NOTHING = "/metrics, /healthz and /readyz are here."
