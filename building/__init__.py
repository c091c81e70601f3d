"""How the product is packed: the page of `evonas ui` comes first, then hatchling."""
