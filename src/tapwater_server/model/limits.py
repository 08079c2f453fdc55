"""Every ceiling of the platform itself, with its unit in its name and its reason beside it."""

# The wire between host and guest.
FRAME_BYTES_MAX = 2 << 20  # A document of 1 MiB and its head; a larger frame is an attack.
WINDOW_BYTES = 256 << 10  # Unacknowledged body bytes per call and direction.
BODY_INLINE_BYTES_MAX = 128 << 10  # Bodies up to this travel whole, in the first frame.

# The request door.
HEADER_BYTES_MAX = 64 << 10  # Total of request line and headers; nginx allows 32 KiB.
HEADERS_MAX = 128
URL_BYTES_MAX = 16 << 10
CONNECTIONS_MAX = 10_000
HEADER_WAIT_S_MAX = 10.0  # From the first byte to the end of the headers: slow-loris.
KEEP_ALIVE_S_MAX = 75.0
PIPELINE_MAX = 32  # Requests read ahead on one connection.
DRAIN_S_MAX = 30.0  # How long a stopping server waits for answers in flight.
RESPONSE_BUFFER_BYTES_MAX = 1 << 20  # Answer bytes a slow client may make us hold.

# Instances.
START_S_MAX = 30.0  # A module may import slowly; a zygote that takes longer is broken.
FORK_S_MAX = 5.0
COMING_S_MAX = 10.0  # Of another cloud's runtime to come up, beside its first call's time limit.
STARTS_IN_FLIGHT_MAX = 16
CHAIN_DEPTH_MAX = 16  # Functions calling functions: beyond this it is a loop.
LOG_LINE_BYTES_MAX = 16 << 10
LOG_BYTES_PER_CALL_MAX = 1 << 20
KILL_GRACE_S = 0.5  # Between the deadline and SIGKILL.

# Deploying.
BUNDLE_BYTES_MAX = 256 << 20
BUNDLE_FILES_MAX = 20_000
FUNCTIONS_MAX = 1_000
