"""A door for other programs: models answer over HTTP, as they answer `closedbook ask` and as OpenAI's API has it."""
