def price(item: str) -> int:
    return len(item)
