"""The writes of API tokens."""

from chalicelib.domain.token import Token
from chalicelib.dynamodb.codec import token_values
from chalicelib.dynamodb.models import TokenModel
from chalicelib.dynamodb.transaction import Transaction


def create_token(token: Token) -> None:
    """Write a new token."""
    transaction = Transaction()
    transaction.put(TokenModel(**token_values(token)), TokenModel.digest.does_not_exist())
    transaction.commit()


def delete_token(digest: str) -> None:
    """Remove a token."""
    transaction = Transaction()
    transaction.delete(TokenModel(digest))
    transaction.commit()
