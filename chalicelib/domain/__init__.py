"""Entities and rules of the product. Imports nothing of ours."""
