"""A database and a part of a broker of a test's own, on servers that run already."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NoReturn

import psycopg
import pytest
import redis
from psycopg import sql

_POSTGRES = "CXR_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432"
_REDIS = "CXR_TEST_REDIS", "redis://127.0.0.1:6379"
_N_REDIS_DATABASES = 16


@dataclass(frozen=True)
class Servers:
    """Where the test's own database is, and its part of the broker.

    Attributes:
        database: Address without scheme, `user@host:port/name`.
        broker: Address of Redis, with the number of a database of its own.
    """

    database: str
    broker: str


@contextmanager
def own_servers() -> Iterator[Servers]:
    """Make a database, take an empty one of Redis, and clear both afterwards; skip without."""
    postgres, broker = (os.environ.get(name) or default for name, default in (_POSTGRES, _REDIS))
    name = f"cxr_{secrets.token_hex(6)}"
    with _postgres(postgres) as connection, _redis(broker) as client:
        number = _empty_database(client)
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            address = f"{postgres.rstrip('/')}/{name}".split("://", 1)[1]
            yield Servers(address, f"{broker.rstrip('/')}/{number}")
        finally:
            connection.execute(
                sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name))
            )
            client.select(number)
            client.flushdb()


def _postgres(address: str) -> "psycopg.Connection[tuple[object, ...]]":
    try:
        return psycopg.connect(
            f"{address.rstrip('/')}/postgres", autocommit=True, connect_timeout=5
        )
    except psycopg.OperationalError as err:
        _skip("PostgreSQL", address, err, variable=_POSTGRES[0])


def _redis(address: str) -> "redis.Redis":
    client = redis.Redis.from_url(address, socket_connect_timeout=5)
    try:
        client.ping()
    except redis.RedisError as err:
        _skip("Redis", address, err, variable=_REDIS[0])
    return client


def _empty_database(client: "redis.Redis") -> int:
    used = {int(name.removeprefix("db")) for name in client.info("keyspace")}
    number = next((each for each in range(1, _N_REDIS_DATABASES) if each not in used), None)
    if number is None:
        pytest.skip("every database of Redis holds something")
    return number


def _skip(server: str, address: str, err: Exception, *, variable: str) -> NoReturn:
    """Say what was tried; a password in the address is nobody's business."""
    tried, why = address.rpartition("@")[2], str(err).splitlines()[0]
    pytest.skip(f"no {server} at {tried} ({why}); {variable} may name another")
