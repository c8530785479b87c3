"""All that runs in Lambda: the API, in the layers http, services, dynamodb and domain."""
