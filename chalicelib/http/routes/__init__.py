"""The views, one module for each resource."""
