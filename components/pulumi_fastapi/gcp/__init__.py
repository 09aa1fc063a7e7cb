"""The parts of a FastAPI service on Google Cloud, usable and shareable alone."""
