"""Who is there: as clients say it of themselves, for those who have a direct conversation with them."""
