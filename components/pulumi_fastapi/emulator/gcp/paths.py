"""Where the HTTP front end has what; apart, so that clients need nothing of the emulator."""

API_PATH = "/_google/"
SERVICE_PATH = "/_run/"
