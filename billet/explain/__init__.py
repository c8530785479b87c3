"""`billet explain`: the calls to DynamoDB that a request makes, and what they cost.

command   the command
dry_run   sends the request to the app, without writing to the database
copy      a copy in memory, to which writes go
calls     records the calls
report    what is printed
"""
