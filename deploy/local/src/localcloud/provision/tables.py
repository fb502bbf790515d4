"""DynamoDB tables. Keys never change in place; indexes and expiry are added when the declaration gains them."""

from typing import Any

from localcloud.provision.account import Account
from localcloud.provision.infra import Index, Key, Table


def ensure_table(account: Account, service: str, name: str, table: Table) -> list[str]:
    """Create the table, or add what it lacks; return what was created."""
    dynamodb = account.clients("dynamodb")
    full_name = account.name(service, name)
    try:
        created = dynamodb.create_table(**_definition(full_name, table))
    except dynamodb.exceptions.ResourceInUseException:
        return _complete(dynamodb, full_name, table)
    if created["TableDescription"]["TableStatus"] != "ACTIVE":
        dynamodb.get_waiter("table_exists").wait(TableName=full_name, WaiterConfig={"Delay": 1})
    if table.ttl:
        _expire(dynamodb, full_name, table.ttl)
    return [f"table {full_name}"]


def _definition(full_name: str, table: Table) -> dict[str, Any]:
    definition: dict[str, Any] = {
        "TableName": full_name,
        "KeySchema": _schema(table.hash_key, table.range_key),
        "AttributeDefinitions": _attributes(table),
        "BillingMode": "PAY_PER_REQUEST",
    }
    if table.indexes:
        definition["GlobalSecondaryIndexes"] = [_index(name, index) for name, index in table.indexes.items()]
    if table.stream:
        definition["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    return definition


def _schema(hash_key: Key, range_key: Key | None) -> list[dict[str, str]]:
    schema = [{"AttributeName": hash_key.name, "KeyType": "HASH"}]
    return schema if range_key is None else [*schema, {"AttributeName": range_key.name, "KeyType": "RANGE"}]


def _attributes(table: Table) -> list[dict[str, str]]:
    keys = [table.hash_key, table.range_key]
    keys += [key for index in table.indexes.values() for key in (index.hash_key, index.range_key)]
    types = {key.name: key.type for key in keys if key}
    return [{"AttributeName": name, "AttributeType": type_} for name, type_ in sorted(types.items())]


def _index(name: str, index: Index) -> dict[str, Any]:
    projection: dict[str, Any] = {"ProjectionType": index.projection}
    if isinstance(index.projection, list):
        projection = {"ProjectionType": "INCLUDE", "NonKeyAttributes": index.projection}
    return {"IndexName": name, "KeySchema": _schema(index.hash_key, index.range_key), "Projection": projection}


def _complete(dynamodb: Any, full_name: str, table: Table) -> list[str]:
    description = dynamodb.describe_table(TableName=full_name)["Table"]
    present = {index["IndexName"] for index in description.get("GlobalSecondaryIndexes", [])}
    missing = [name for name in table.indexes if name not in present]
    for name in missing:  # DynamoDB takes one new index at a time
        dynamodb.update_table(
            TableName=full_name,
            AttributeDefinitions=_attributes(table),
            GlobalSecondaryIndexUpdates=[{"Create": _index(name, table.indexes[name])}],
        )
        dynamodb.get_waiter("table_exists").wait(TableName=full_name, WaiterConfig={"Delay": 1})
    added = [f"index {full_name}/{name}" for name in missing]
    if table.ttl:
        expiry = dynamodb.describe_time_to_live(TableName=full_name)["TimeToLiveDescription"]
        if expiry.get("AttributeName") != table.ttl:
            _expire(dynamodb, full_name, table.ttl)
            added.append(f"expiry of {full_name}")
    return added


def _expire(dynamodb: Any, full_name: str, attribute: str) -> None:
    dynamodb.update_time_to_live(
        TableName=full_name, TimeToLiveSpecification={"Enabled": True, "AttributeName": attribute}
    )
