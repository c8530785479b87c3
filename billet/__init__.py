"""Tools for users, developers and operators of the API, installed as the command `billet`.

    cli         the command itself, and doctor, migrate, seed and token
    people      `billet task`, `user`, `board` and `login`: clients of the API
    serve       `billet serve`: the API on a machine of your own, without API Gateway and Lambda
    emulators   DynamoDB Local and moto, which stand in for DynamoDB
    migrations  the tables, and each change of the database since the first release
    integrity   the invariants of the data, which `billet doctor` checks and repairs
    openapi     `billet openapi`: the API's OpenAPI document, generated from its code
    package     `billet package`: the zip for Lambda and the CloudFormation template
    benchmark   `billet bench`: speed and cost next to bare boto3 and raw HTTP calls

Nothing in this package runs in Lambda; `chalicelib` does not import it.
"""

from chalicelib.release import __version__

__all__ = ["__version__"]
