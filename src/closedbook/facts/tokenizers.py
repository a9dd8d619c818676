"""Tokenizers: characters and byte-level BPE, one interface, saved as a `tokenizer.json` of the `tokenizers` library."""

import itertools
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import tokenizers
from tokenizers import decoders, models, pre_tokenizers, processors, trainers

from closedbook.config import TokenizerConfig
from closedbook.errors import UserError
from closedbook.facts.records import Fact
from closedbook.facts.scripts import UNSPACED, UNSPACED_LETTER, occurrences

PAD, MASK = "\u25a1", "\u2047"
PAD_ID, MASK_ID = 0, 1
BEHIND = 0.01  # share of questions with a name behind a mark, above which spaces are tokens of their own
SAMPLE = 1_000  # texts that tell in what kind of script they are written


class Tokenizer:
    """Text to token ids and back; pad is 0 and mask is 1 in every vocabulary."""

    def __init__(self, backend: tokenizers.Tokenizer) -> None:
        self._backend = backend
        self._characters = isinstance(backend.model, models.WordLevel)
        self.adds_space: bool = getattr(backend.pre_tokenizer, "add_prefix_space", False)
        """Whether a text is read as if a space stood before it, so that a name is spelled alike wherever it stands."""
        self._alphabet = set(backend.get_vocab()) if self._characters else set()
        if (backend.token_to_id(PAD), backend.token_to_id(MASK)) != (PAD_ID, MASK_ID):
            raise UserError("The tokenizer's first two tokens must be the pad and mask characters U+25A1 and U+2047.")

    @property
    def vocabulary_size(self) -> int:
        return self._backend.get_vocab_size()

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of every text; `spell` says beforehand which characters have none."""
        return [encoding.ids for encoding in self._backend.encode_batch(list(texts), add_special_tokens=False)]

    def encode_with_offsets(self, texts: Sequence[str]) -> list[tuple[list[int], list[tuple[int, int]]]]:
        """Token ids of every text with the [start, end) of each token's characters."""
        encodings = self._backend.encode_batch(list(texts), add_special_tokens=False)
        return [(encoding.ids, encoding.offsets) for encoding in encodings]

    def decode(self, ids: Sequence[int]) -> str:
        """The text of the ids, pad and mask as their characters, without a space that was added before it."""
        pieces: list[str] = []
        current: list[int] = []
        for token in [*ids, MASK_ID]:
            if token in (PAD_ID, MASK_ID):
                text = self._backend.decode(current, skip_special_tokens=False) if current else ""
                pieces.append(text.removeprefix(" ") if self.adds_space else text)
                pieces.append(PAD if token == PAD_ID else MASK)
                current = []
            else:
                current.append(token)
        return "".join(pieces[:-1])

    def spell(self, text: str, place: str) -> None:
        """Checks that the vocabulary can spell the text.

        Raises:
            UserError: It holds a character outside the vocabulary (named with its position), pad or mask, or half a
                surrogate pair.
        """
        characters = set(text)
        if self._alphabet and not characters <= self._alphabet:
            wrong, why = characters - self._alphabet, "is not in the model's vocabulary"
        elif not characters.isdisjoint((PAD, MASK)):
            wrong, why = {PAD, MASK}, "is reserved for the model"
        elif surrogates := {character for character in characters if "\ud800" <= character <= "\udfff"}:
            wrong, why = surrogates, "is half a character"
        else:
            return
        position, character = next((i, c) for i, c in enumerate(text, 1) if c in wrong)
        shown = ascii(character) if why.startswith("is half") else repr(character)
        raise UserError(f"{place}: character {shown} (U+{ord(character):04X}) at position {position} {why}.")

    def to_json(self) -> str:
        """The vocabulary as the `tokenizers` library writes it, on one line."""
        text: str = self._backend.to_str()
        return text

    def save(self, path: Path) -> None:
        path.write_text(self._backend.to_str(pretty=True), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> "Tokenizer":
        """Reads a `tokenizer.json`.

        Raises:
            UserError: The file is missing or is none.
        """
        try:
            text = path.read_text(encoding="utf-8")
            _refuse_gaps(text)
            loaded = cls(tokenizers.Tokenizer.from_str(text))
        except UserError:
            raise
        except RecursionError:
            raise UserError(f"{path}: not a tokenizer of this project (it is nested too deeply).") from None
        except Exception as error:  # the library raises plain Exception for whatever is wrong with a file
            raise UserError(f"{path}: not a tokenizer of this project ({error}).") from error
        loaded._refuse_others(path)
        return loaded

    def _refuse_others(self, path: Path) -> None:
        """Refuses what `train_tokenizer` would not have made: other steps, or tokens in another order."""
        described, ours = json.loads(self._backend.to_str()), _untrained(self._characters, self.adds_space)
        ids, merges = described["model"].pop("vocab"), described["model"].pop("merges", [])
        for name in ("vocab", "merges"):
            ours["model"].pop(name, None)
        if described != ours:
            raise UserError(f"{path}: not a tokenizer of this project, it splits text in another way.")
        tokens = sorted(ids, key=lambda token: ids[token])
        single = sorted({token for token in tokens if len(token) == 1} - {PAD, MASK})
        expected = list(dict.fromkeys([PAD, MASK, *single, *("".join(merge) for merge in merges)]))
        if tokens != expected:
            raise UserError(f"{path}: damaged, its tokens do not stand in the order that they were given.")


def _refuse_gaps(text: str) -> None:
    """Refuses a `tokenizer.json` whose ids are not 0, 1, ...: the library allocates up to the largest of them.

    Raises:
        ValueError, LookupError, TypeError, RecursionError: It is such a file, or none.
    """
    described = json.loads(text)
    ids, added = described["model"]["vocab"], {token["content"]: token["id"] for token in described["added_tokens"]}
    if sorted(ids.values()) != list(range(len(ids))) or not added.items() <= ids.items():
        raise ValueError("its tokens are not numbered in a row")


def train_tokenizer(config: TokenizerConfig, texts: Iterable[str], *, apart: bool = False) -> Tokenizer:
    """The vocabulary that the corpus gives: its characters in code point order, or BPE merges learned on it.

    Args:
        config: Which kind, and how large.
        texts: Documents, then questions and answers.
        apart: Whether a space is a token of its own; see `names_behind_marks`.
    """
    if config.kind == "characters":
        return _characters(texts)
    return _byte_pairs(texts, config.vocabulary_size or 0, apart)


def names_behind_marks(facts: Iterable[Fact]) -> bool:
    """Whether questions name subjects right behind a quote, a bracket or an article: `Who wrote "Duskwood"?`, `d'Albe`.

    With the space in a word's first token such a name is spelled otherwise than in its title, and not known again.
    """
    asked = behind = 0
    for fact in facts:
        starts = [place for place, _ in occurrences(fact.question, fact.subject)]
        before = [fact.question[place - 1 : place] for place in starts]
        free = any(not mark or mark.isspace() for mark in before)
        marked = any(mark and not mark.isspace() and not mark.isalnum() for mark in before)
        asked += free or marked
        behind += marked and not free
    return behind > BEHIND * asked


def _characters(texts: Iterable[str]) -> Tokenizer:
    """One token a character; pad, mask, then the sorted characters, line break included (documents are lines)."""
    characters = {"\n"}
    for text in texts:
        characters.update(text)
    vocabulary = {token: index for index, token in enumerate([PAD, MASK, *sorted(characters - {PAD, MASK})])}
    return Tokenizer(_character_steps(vocabulary))


def _character_steps(vocabulary: dict[str, int]) -> tokenizers.Tokenizer:
    backend = tokenizers.Tokenizer(models.WordLevel(vocabulary, unk_token=PAD))
    backend.pre_tokenizer = pre_tokenizers.Split(tokenizers.Regex(r"[\s\S]"), behavior="isolated")
    backend.decoder = decoders.Fuse()
    return backend


def _byte_pairs(texts: Iterable[str], vocabulary_size: int, apart: bool) -> Tokenizer:
    """BPE merges, none of which joins two letters of a script without spaces.

    A merge that ran on from the end of a name into what follows would spell the name otherwise in its document than in
    a question. As no merge begins a letter within it, encoding needs no step of its own to keep them apart. Where most
    letters are of such scripts, judged by the first thousand texts, or spaces are to stand `apart`, no space is added
    before a text either, for none need stand before a name in a sentence, and no merge joins a space to what follows.
    """
    texts = iter(texts)
    sample = list(itertools.islice(texts, SAMPLE))
    adds_space = not (apart or _unspaced(sample))
    backend = _byte_pair_steps(adds_space)
    as_encoded = backend.pre_tokenizer
    alone = tokenizers.Regex(f"[{UNSPACED}]" if adds_space else f"[{UNSPACED} ]")
    letters = pre_tokenizers.Split(alone, behavior="isolated")
    backend.pre_tokenizer = pre_tokenizers.Sequence([letters, pre_tokenizers.ByteLevel(add_prefix_space=False)])
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary_size,
        special_tokens=[PAD, MASK],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    added = " " if adds_space else ""
    every = itertools.chain(sample, texts)
    backend.train_from_iterator((text if text.startswith(" ") else added + text for text in every), trainer)
    backend.pre_tokenizer = as_encoded
    return Tokenizer(backend)


def _unspaced(texts: Iterable[str]) -> bool:
    """Whether most letters are of scripts without spaces between words, or with particles at them, as in Korean."""
    letters = unspaced = 0
    for text in texts:
        here = len(UNSPACED_LETTER.findall(text))
        letters += here + sum(map(str.isalpha, UNSPACED_LETTER.sub("", text)))
        unspaced += here
    return 2 * unspaced > letters


def _byte_pair_steps(adds_space: bool) -> tokenizers.Tokenizer:
    backend = tokenizers.Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=adds_space)
    backend.post_processor = processors.ByteLevel(trim_offsets=True)  # a word begins at its letter, not at its space
    backend.decoder = decoders.ByteLevel()
    return backend


def _untrained(characters: bool, adds_space: bool) -> dict[str, Any]:
    """What `tokenizer.json` says of either kind, without its tokens."""
    backend = _character_steps({}) if characters else _byte_pair_steps(adds_space)
    if not characters:
        backend.add_special_tokens([PAD, MASK])
    described: dict[str, Any] = json.loads(backend.to_str())
    return described
