"""The HTTP server: ``nlmkit serve``."""
