"""HTTP in, HTTP out: parses, makes one call, serialises. Knows no DynamoDB."""
