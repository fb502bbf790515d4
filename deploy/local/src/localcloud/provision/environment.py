"""The environment variables that a service wires for itself in its environment.json."""

import re
from collections.abc import Mapping

from localcloud.errors import LocalCloudError
from localcloud.provision.infra import Infra

_PLACEHOLDER = re.compile(r"\{([^{}]+)\}")


def variable_prefix(service: str) -> str:
    """Return what the service's variables begin with: `SOCIAL_GRAPH_`."""
    return f"{service.upper().replace('-', '_')}_"


def wire(infra: Infra, values: Mapping[str, str]) -> dict[str, str]:
    """Return the service's environment.json with each placeholder replaced by its value."""

    def value(match: re.Match[str]) -> str:
        try:
            return values[match[1]]
        except KeyError:
            raise LocalCloudError(f"environment.json of {infra.service}: nothing provides {match[0]}") from None

    return {name: _PLACEHOLDER.sub(value, template) for name, template in infra.environment.items()}
