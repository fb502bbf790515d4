"""What an app's document says, and how the public one comes of several."""

from collections.abc import Callable
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI, WebSocket

from messenger_contracts.shapes import Shape
from servicekit.identity import CallingService, CurrentUser
from servicekit.openapi import Audience, OpenApiError, ServiceApi, demands_identity, describe, endpoints_of, merge

MakeApp = Callable[..., FastAPI]


def _router(path: str, answer: type[Shape], **options: Any) -> APIRouter:
    router = APIRouter()

    @router.get(path, **options)
    async def read(caller: CurrentUser) -> answer:  # type: ignore[valid-type]
        """Read the thing.

        All of it.
        """
        return answer()

    return router


def _thing(name: str, **fields: Any) -> type[Shape]:
    return type(name, (Shape,), {"__annotations__": dict.fromkeys(fields, int), **fields})


def _api(make_app: MakeApp, name: str, *routers: APIRouter) -> ServiceApi:
    return describe(make_app(*routers), name, f"All about {name}")


def test_the_audience_follows_from_the_dependency(make_app: MakeApp) -> None:
    router = APIRouter()

    @router.get("/open")
    async def open_to_all() -> None: ...

    @router.get("/person")
    async def for_people(caller: CurrentUser) -> None: ...

    @router.get("/service")
    async def for_services(caller: CallingService) -> None: ...

    audiences = {endpoint.path: endpoint.audience for endpoint in endpoints_of(make_app(router))}

    assert audiences["/open"] is Audience.ANYONE
    assert audiences["/person"] is Audience.PERSON
    assert audiences["/service"] is Audience.SERVICE


def test_every_route_but_health_demands_an_identity(make_app: MakeApp) -> None:
    app = make_app(_router("/v1/things", Shape), internal=[_router("/sync", Shape)])

    assert {endpoint.key for endpoint in endpoints_of(app)} - demands_identity(app) == {
        ("/livez", "get"),
        ("/readyz", "get"),
    }


def test_the_docstring_is_the_text_and_the_function_names_the_operation(make_app: MakeApp) -> None:
    operation = _api(make_app, "tiny", _router("/v1/things", Shape)).document["paths"]["/v1/things"]["get"]

    assert operation["operationId"] == "tiny_read"
    assert (operation["summary"], operation["description"]) == ("Read the thing", "Read the thing.\n\nAll of it.")


def test_every_operation_has_a_problem_and_only_as_problem_json(make_app: MakeApp) -> None:
    document = _api(make_app, "tiny", _router("/v1/things", Shape)).document

    content = document["paths"]["/v1/things"]["get"]["responses"]["default"]["content"]
    assert content == {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    assert "code" in document["components"]["schemas"]["Problem"]["properties"]


def test_hidden_and_internal_routes_stay_out_of_the_document(make_app: MakeApp) -> None:
    app = make_app(internal=[_router("/sync", Shape)])

    assert describe(app, "tiny", "").document["paths"] == {}


def test_a_socket_is_described_by_its_handshake(make_app: MakeApp) -> None:
    router = APIRouter()

    @router.websocket("/v1/realtime")
    async def realtime(websocket: WebSocket) -> None:
        """Listen."""

    operation = _api(make_app, "gateway", router).document["paths"]["/v1/realtime"]["get"]

    assert operation["summary"] == "Listen"
    assert "101" in operation["responses"]


def test_a_route_of_status_101_stands_for_a_socket(make_app: MakeApp) -> None:
    router = APIRouter()

    @router.get("/v1/realtime", status_code=101)
    async def realtime() -> None:
        """Listen."""

    document = merge("Messenger", "", [_api(make_app, "gateway", router)])

    operation = document["paths"]["/v1/realtime"]["get"]
    assert operation["responses"].keys() == {"101"}
    assert operation["security"] == [{"bearer": []}, {"session": []}, {"ticket": []}]


def test_the_public_document_asks_for_credentials_only_where_they_are_needed(make_app: MakeApp) -> None:
    router = APIRouter()

    @router.post("/v1/auth/sign-in")
    async def sign_in() -> None: ...

    @router.get("/v1/auth/me")
    async def me(caller: CurrentUser) -> None: ...

    paths = merge("Messenger", "", [_api(make_app, "auth", router)])["paths"]

    assert paths["/v1/auth/sign-in"]["post"]["security"] == []
    assert paths["/v1/auth/me"]["get"]["security"] == [{"bearer": []}, {"session": []}]


def test_routes_for_services_stay_out_of_the_public_document(make_app: MakeApp) -> None:
    router = APIRouter()

    @router.get("/v1/people")
    async def people(caller: CallingService) -> None: ...

    assert merge("Messenger", "", [_api(make_app, "auth", router)])["paths"] == {}


def test_the_same_component_of_two_services_is_one(make_app: MakeApp) -> None:
    shared = _thing("Thing", size=1)
    parts = [
        _api(make_app, "auth", _router("/v1/a", shared)),
        _api(make_app, "chat", _router("/v1/b", shared)),
    ]

    schemas = merge("Messenger", "", parts)["components"]["schemas"]

    assert "Thing" in schemas


def test_different_components_of_one_name_get_the_name_of_their_service(make_app: MakeApp) -> None:
    parts = [
        _api(make_app, "auth", _router("/v1/a", _thing("Thing", size=1))),
        _api(make_app, "social-graph", _router("/v1/b", _thing("Thing", weight=1))),
    ]

    document = merge("Messenger", "", parts)

    schemas = document["components"]["schemas"]
    assert "Thing" not in schemas
    assert "size" in schemas["AuthThing"]["properties"]
    assert "weight" in schemas["SocialGraphThing"]["properties"]
    answer = document["paths"]["/v1/b"]["get"]["responses"]["200"]["content"]["application/json"]
    assert answer["schema"] == {"$ref": "#/components/schemas/SocialGraphThing"}


def test_one_operation_of_two_services_is_refused(make_app: MakeApp) -> None:
    parts = [_api(make_app, name, _router("/v1/things", Shape)) for name in ("auth", "chat")]

    with pytest.raises(OpenApiError, match="GET /v1/things is offered twice"):
        merge("Messenger", "", parts)


def test_two_operations_of_one_name_are_refused(make_app: MakeApp) -> None:
    part = _api(make_app, "auth", _router("/v1/a", Shape), _router("/v1/b", Shape))

    with pytest.raises(OpenApiError, match="auth_read"):
        merge("Messenger", "", [part])
