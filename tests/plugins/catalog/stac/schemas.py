"""The rules of the STAC extensions that are declared, as far as products and images use them.

Written down after their published schemas (which no package registry has), so that items can be validated without a
network: the core's own schemas come with pystac.
"""

NUMBER, TEXT, INTEGER = {"type": "number"}, {"type": "string"}, {"type": "integer"}


def numbers(least, most=None):
    return {"type": "array", "items": NUMBER, "minItems": least, "maxItems": most or least}


def only(prefix, **fields):
    """An object that has no other fields of this prefix."""
    return {
        "type": "object",
        "properties": {f"{prefix}:{name}": schema for name, schema in fields.items()},
        "patternProperties": {f"^(?!{prefix}:)": {}},
        "additionalProperties": False,
    }


def anywhere(uri, fields, bands=None, properties=None):
    """An item or collection with these fields in its assets, and in the bands of them."""
    asset = {"allOf": [fields, {"properties": {"bands": {"type": "array", "items": bands or fields}}}]}
    assets = {"type": "object", "additionalProperties": asset}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": uri,
        "type": "object",
        "required": ["stac_extensions"],
        "properties": {
            "stac_extensions": {"type": "array", "contains": {"const": uri}},
            "properties": properties or fields,
            "assets": assets,
            "item_assets": assets,
        },
    }


BASE = "https://stac-extensions.github.io"
PROJECTION = f"{BASE}/projection/v2.0.0/schema.json"
RASTER = f"{BASE}/raster/v2.0.0/schema.json"
FILE = f"{BASE}/file/v2.1.0/schema.json"
EO = f"{BASE}/eo/v1.1.0/schema.json"
CLASSIFICATION = f"{BASE}/classification/v2.0.0/schema.json"

COMMON_NAMES = [
    "coastal", "blue", "green", "red", "rededge", "yellow", "pan", "nir", "nir08", "nir09", "cirrus", "swir16",
    "swir22", "lwir", "lwir11", "lwir12",
]  # fmt: skip

LIGHT = {
    "type": "array",
    "minItems": 1,
    "items": {
        "type": "object",
        "minProperties": 1,
        "properties": {
            "name": TEXT,
            "common_name": {"enum": COMMON_NAMES},
            "description": TEXT,
            "center_wavelength": NUMBER,
            "full_width_half_max": NUMBER,
            "solar_illumination": {"type": "number", "minimum": 0},
        },
    },
}

CLASSES = {
    "type": "array",
    "uniqueItems": True,
    "minItems": 1,
    "items": {
        "type": "object",
        "required": ["value", "name"],
        "properties": {
            "value": INTEGER,
            "name": {"type": "string", "pattern": "^[0-9A-Za-z-_]+$"},
            "title": TEXT,
            "description": TEXT,
            "color_hint": {"type": "string", "pattern": "^([0-9A-F]{6})$"},
            "nodata": {"type": "boolean"},
        },
    },
}

SCHEMAS = {
    PROJECTION: anywhere(
        PROJECTION,
        only(
            "proj",
            code={"oneOf": [{"type": "string", "pattern": "^[^:]+:[^:]+$"}, {"type": "null"}]},
            wkt2={"type": ["string", "null"]},
            projjson={"type": ["object", "null"], "required": ["type", "name"]},
            bbox={"oneOf": [numbers(4), numbers(6)]},
            shape={"type": "array", "items": INTEGER, "minItems": 2, "maxItems": 2},
            transform={"oneOf": [numbers(6), numbers(9)]},
        ),
    ),
    RASTER: anywhere(
        RASTER,
        only(
            "raster",
            sampling={"enum": ["area", "point"]},
            bits_per_sample=INTEGER,
            spatial_resolution=NUMBER,
            scale=NUMBER,
            offset=NUMBER,
        ),
    ),
    FILE: anywhere(
        FILE,
        only(
            "file",
            size={"type": "integer", "minimum": 0},
            checksum={"type": "string", "pattern": "^[a-f0-9]+$"},
            header_size=INTEGER,
        ),
    ),
    # No other field of eo within bands: rio-tiler would go by it.
    EO: anywhere(EO, only("eo", bands=LIGHT), bands=only("eo")),
    CLASSIFICATION: anywhere(CLASSIFICATION, only("classification", classes=CLASSES)),
}
