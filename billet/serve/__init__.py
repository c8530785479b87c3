"""Serve the API without API Gateway and Lambda.

command      `billet serve`: options, database, start and stop
databases    start DynamoDB Local or moto, or use the configured database
run          create the tables, run the worker processes, print the start messages
worker       what each worker process runs
asgi, wsgi   the API as an ASGI application (granian) and as a WSGI application
gateway      what API Gateway does: check, route and authorize a request, then call the app
logs, prometheus, profiler   the log, the metrics, and the profile of --profile
router, hosts, thread_pool, listening   parts of these
embedded     the same server in a thread, for tests and benchmarks
"""
