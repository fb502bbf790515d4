"""Each code stands for one status, and a problem is whole."""

import pytest

from messenger_contracts.problem import ErrorCode, FieldError, Problem

STATUS = {
    401: {"unauthenticated", "token_expired"},
    403: {"forbidden"},
    404: {"not_found", "not_member"},
    405: {"method_not_allowed"},
    409: {"conflict", "idempotency_in_progress", "upload_incomplete"},
    410: {"cursor_expired", "epoch_changed"},
    412: {"precondition_failed"},
    413: {"payload_too_large"},
    415: {"unsupported_media"},
    422: {"validation_failed", "idempotency_mismatch"},
    429: {"rate_limited"},
    500: {"internal"},
    503: {"dependency_unavailable"},
}


@pytest.mark.parametrize("code", ErrorCode)
def test_a_code_has_its_status(code: ErrorCode) -> None:
    assert code in STATUS[code.status]


def test_the_table_knows_no_other_code() -> None:
    assert set().union(*STATUS.values()) == set(ErrorCode)


def test_only_what_may_pass_by_itself_is_worth_another_try() -> None:
    assert {code for code in ErrorCode if code.retryable} == {
        "dependency_unavailable",
        "idempotency_in_progress",
        "internal",
        "rate_limited",
    }


def test_a_problem_has_every_member() -> None:
    problem = Problem.of(
        ErrorCode.VALIDATION_FAILED,
        "The request is not valid.",
        instance="/v1/things",
        trace_id="0af7651916cd43dd8448eb211c80319c",
        errors=[FieldError(pointer="/name", detail="Field required")],
    )

    assert problem.model_dump(mode="json") == {
        "type": "urn:messenger:problem:validation_failed",
        "title": "Validation failed",
        "status": 422,
        "detail": "The request is not valid.",
        "instance": "/v1/things",
        "code": "validation_failed",
        "retryable": False,
        "trace_id": "0af7651916cd43dd8448eb211c80319c",
        "errors": [{"pointer": "/name", "detail": "Field required"}],
    }
