"""The files that hang on messages, as media describes them. Chat keeps their ids, and nothing else of them."""
