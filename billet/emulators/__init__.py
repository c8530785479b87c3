"""Databases on this machine: DynamoDB Local and moto."""
