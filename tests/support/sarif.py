"""SARIF held to its own schema (2.1.0), as published with @microsoft/jest-sarif."""

import functools
import json

import jsonschema

from support.tools import clients_folder


@functools.cache
def validator():
    schema = json.loads((clients_folder() / "@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json").read_text())
    kind = jsonschema.validators.validator_for(schema)
    kind.check_schema(schema)
    return kind(schema, format_checker=jsonschema.FormatChecker())


def faults(document):
    return [f"{'/'.join(map(str, error.absolute_path))}: {error.message}" for error in validator().iter_errors(document)]
