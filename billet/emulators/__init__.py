"""Local databases that stand in for DynamoDB: DynamoDB Local and moto."""
