"""``python -m evonas.ui.openapi`` prints the API's description, from which the page's types are generated."""

from __future__ import annotations

import json

from evonas.ui.app import create_api

if __name__ == "__main__":
    print(json.dumps(create_api().openapi(), indent=2))
