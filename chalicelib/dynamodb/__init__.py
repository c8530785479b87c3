"""The tables in DynamoDB, and everything that reads and writes them.

A lane is a shard of an index that lists a whole table: one hash key among several, because DynamoDB
limits the throughput of each. A created key is a sort key that sorts by creation, a due key one
that sorts by due date. Each assignee of a task has a copy of it in the table `assignments`, so that
a user's list is one Query.

What is stored   models (tables and indexes), codec (entity ↔ item), index_keys (lanes, sort keys)
A read           queries (one call) ← lane_queries (all lanes of a list, merged)
A write          task_writes, user_writes, token_writes, idempotency_store → transaction (one call)
Ids and lanes    counters (new ids), lanes (how many lanes), shared_state (each process's copy)
Limits           quotas (requests of a principal, summed over all processes)
The connection   client (bind, retries, errors), backoff, clock, botocore_patches
"""
