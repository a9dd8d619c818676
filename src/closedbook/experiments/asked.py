"""What a training is asked about and taught, looked at before it begins, in chunks that memory bears."""

from collections.abc import Iterable

from closedbook.config import RunConfig
from closedbook.evaluation.decoding import longest_written, prompts
from closedbook.facts.corpus import Corpus
from closedbook.facts.parallel import chunks
from closedbook.facts.records import Fact
from closedbook.facts.stored import StoredCorpus
from closedbook.facts.tokenizers import Tokenizer

CHECKED = 10_000  # questions or answers that are tokenized at a time


def check_prompts(config: RunConfig, corpus: Corpus | StoredCorpus, tokenizer: Tokenizer) -> None:
    """Refuses dev and test questions that cannot be asked."""
    for part, facts in (("dev", corpus.dev), ("test", corpus.test)):
        for first, some in enumerate(chunks(facts, CHECKED)):
            place = f"{part} question" if not first else f"{part} question {first * CHECKED:,} +"
            prompts(tokenizer, [fact.question for fact in some], config.model.context, place)


def longest_answer(corpus: Corpus | StoredCorpus, tokenizer: Tokenizer) -> int:
    """Tokens of the longest training answer, without its closing; it says how long answers are written."""
    return max((max(lengths) for lengths in _lengths(corpus.train, tokenizer)), default=0)


def too_long_to_write(corpus: Corpus | StoredCorpus, tokenizer: Tokenizer, longest: int) -> dict[str, int]:
    """How many dev answers are longer than an answer is written, so that they cannot be given."""
    most = longest_written(longest)
    long = sum(length >= most for lengths in _lengths(corpus.dev, tokenizer) for length in lengths)
    return {"answers_too_long_to_write": long} if long else {}


def _lengths(facts: Iterable[Fact], tokenizer: Tokenizer) -> Iterable[list[int]]:
    """Tokens of the answers, some at a time."""
    for some in chunks(facts, CHECKED):
        yield [len(ids) for ids in tokenizer.encode([fact.answers[0] for fact in some if fact.answers])] or [0]
