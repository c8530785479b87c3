"""The HTTP layer: routes, bodies, headers and errors."""
