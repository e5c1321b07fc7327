"""The JSON schema of config.yaml, for editors; `python -m partnerface.config.schema FILE` writes it."""

import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

from partnerface.config.settings import SECTIONS
from partnerface.config.values import Kind, kinds
from partnerface.conventions import ABLATIONS, METHOD_PATTERN, METHODS_COMPARED, SUBJECT_PATTERN

JSON_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string"}


def section_schema(section: type) -> dict[str, Any]:
    """The schema of one section."""
    types_of = kinds(section)
    properties = {}
    for field in dataclasses.fields(section):
        properties[field.name] = _field_schema(field, types_of[field.name])
    return {
        "description": (section.__doc__ or "").strip(),
        "type": ["object", "null"],
        "additionalProperties": False,
        "properties": properties,
    }


def _field_schema(field: dataclasses.Field, kind: Kind) -> dict[str, Any]:
    metadata = field.metadata
    unit = f" ({metadata['unit']})" if metadata["unit"] else ""
    one: dict[str, Any] = {"type": JSON_TYPES[kind.base]}
    for key, name in (("minimum", "minimum"), ("maximum", "maximum"), ("choices", "enum")):
        if metadata[key] is not None:
            one[name] = list(metadata[key]) if key == "choices" else metadata[key]
    if kind.many:
        one = {"type": "array", "items": one}
    if kind.optional:
        one["type"] = [one["type"], "null"]
        if "enum" in one:
            one["enum"] = [*one["enum"], None]
    default = list(field.default) if isinstance(field.default, tuple) else field.default
    return {"description": metadata["help"] + unit, **one, "default": default}


def config_schema() -> dict[str, Any]:
    """The schema of the whole file."""
    sections = {name: {"$ref": f"#/$defs/{name}"} for name in SECTIONS}
    # Either the folder alone, or a mapping with it, and what else the section `import` has.
    imported = section_schema(SECTIONS["import"])["properties"]
    folder = {"folder": {"description": "what the other program wrote", "type": "string"}}
    subject = {
        "type": "object",
        "additionalProperties": False,
        "oneOf": [
            {"required": ["video"]},
            {"required": ["videos"]},
            {"required": ["import"], "properties": {"import": {"type": ["string", "object"], "required": ["folder"]}}},
        ],
        "properties": {
            "video": {"type": "string"},
            "videos": {"type": "array", "minItems": 1, "uniqueItems": True, "items": {"type": "string"}},
            **sections,
            "import": {
                "oneOf": [
                    {"type": "string"},
                    {"type": "object", "additionalProperties": False, "properties": {**folder, **imported}},
                ]
            },
        },
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "config.yaml of PartNerFace",
        "type": "object",
        "additionalProperties": False,
        "required": ["subjects"],
        "properties": {
            "results": {"description": "folder that everything is written to", "type": "string", "default": "results"},
            "subjects": {
                "description": "name → video (or a mapping with `video`, `videos` or `import`, and overrides), or CSV",
                "oneOf": [
                    {"type": "string"},
                    {
                        "type": "object",
                        "minProperties": 1,
                        "propertyNames": {"pattern": SUBJECT_PATTERN},
                        "additionalProperties": {"oneOf": [{"type": "string"}, subject]},
                    },
                ],
            },
            "methods": {
                "description": "methods to train and compare",
                "type": "array",
                "minItems": 1,
                "uniqueItems": True,
                "items": {
                    "anyOf": [
                        {"enum": [name for name in (*METHODS_COMPARED, *ABLATIONS) if name != "parts_K"]},
                        {"pattern": METHOD_PATTERN},
                    ]
                },
            },
            "seeds": {
                "description": "random seeds; each further seed is trained beside the first",
                "type": "array",
                "minItems": 1,
                "uniqueItems": True,
                "items": {"type": "integer", "minimum": 0},
            },
            **sections,
        },
        "$defs": {name: section_schema(section) for name, section in SECTIONS.items()},
    }


def as_text() -> str:
    """The schema as it stands in workflow/schemas/config.schema.json."""
    return json.dumps(config_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(as_text())
