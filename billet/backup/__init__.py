"""`billet backup`: DynamoDB's own backups of all tables, and their restore into new tables."""
