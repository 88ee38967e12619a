"""How the inventory tests write an inventory: as the text of its files."""

from collections.abc import Callable

import pytest

from flowmap.inventory import Inventory, join_files, parse_inventory_file


@pytest.fixture
def inventory_of() -> Callable[[dict[str, str | bytes]], Inventory]:
    """Joined inventory of {file name: content}."""

    def build(files: dict[str, str | bytes]) -> Inventory:
        return join_files([parse_inventory_file(content, name=name) for name, content in files.items()])

    return build
