"""What a training is asked about and taught, looked at before it begins, in chunks that memory bears."""

import itertools

from closedbook.config import RunConfig
from closedbook.evaluation.decoding import MOST_NEW_TOKENS, prompts
from closedbook.facts.corpus import Corpus
from closedbook.facts.parallel import chunks
from closedbook.facts.stored import StoredCorpus
from closedbook.facts.tokenizers import Tokenizer

CHECKED = 10_000  # questions or answers that are tokenized at a time


def check_prompts(config: RunConfig, corpus: Corpus | StoredCorpus, tokenizer: Tokenizer) -> None:
    """Refuses dev and test questions that cannot be asked."""
    for part, facts in (("dev", corpus.dev), ("test", corpus.test)):
        for first, some in enumerate(chunks(facts, CHECKED)):
            place = f"{part} question" if not first else f"{part} question {first * CHECKED:,} +"
            prompts(tokenizer, [fact.question for fact in some], config.model.context, place)


def too_long_to_write(corpus: Corpus | StoredCorpus, tokenizer: Tokenizer) -> dict[str, int]:
    """How many answers are longer than an answer is written, so that they can be learned and never given."""
    long = 0
    for some in chunks(itertools.chain(corpus.train, corpus.dev), CHECKED):
        answers = [fact.answers[0] for fact in some if fact.answers]
        long += sum(len(ids) >= MOST_NEW_TOKENS for ids in tokenizer.encode(answers))
    return {"answers_too_long_to_write": long} if long else {}
