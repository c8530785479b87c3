"""Entities and rules of the product. Imports nothing else of the project."""
