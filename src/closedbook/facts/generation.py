"""One generation of a store, while it is written: in steps, each of which is there as a whole or not at all.

Everything new is written into the folder of its generation; `manifest.json`, replaced last, decides that it counts. A
step that is there is passed over, so the same command goes on wherever an earlier one was stopped.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from closedbook.config import TokenizerConfig
from closedbook.errors import UserError, counted
from closedbook.facts.contents import Contents
from closedbook.facts.corpus import BUILDING, FACTS, is_store
from closedbook.facts.described import Description, description_name, read_description
from closedbook.facts.hashes import Gathering
from closedbook.facts.naming import OTHER
from closedbook.facts.packed import Joined, map_array, pack_facts, write_arrays
from closedbook.facts.parallel import chunks, map_ordered
from closedbook.facts.records import Document, Fact
from closedbook.facts.relations import Relation
from closedbook.facts.stored import TOKENIZER, Index, StoredCorpus, document_shard, fact_shard
from closedbook.facts.stored_summary import summarise
from closedbook.facts.tokenizers import Tokenizer, names_behind_marks, train_tokenizer
from closedbook.facts.tokenizing import Part as TokenizingPart
from closedbook.facts.tokenizing import Tokenizing
from closedbook.files import disk_errors, read_json, remove, temporary, write_json, write_text
from closedbook.locks import LOCK
from closedbook.manifest import MANIFEST, MOST_BYTES, Manifest, Part, read_manifest

SHARD = 32_768  # documents, or facts, of a shard
Announce = Callable[[str], None]


class Origin:
    """Where what is written comes from.

    Args:
        name: What reports call the corpus.
        files: SHA-256 of the files that are read, by name.
        tokenizer: The vocabulary's settings.
        before: The store that it is added to.
    """

    def __init__(
        self, name: str, files: dict[str, str], tokenizer: TokenizerConfig, before: StoredCorpus | None
    ) -> None:
        self.name, self.files, self.tokenizer, self.before = name, files, tokenizer, before


class Generation:
    """One generation of a store, while it is written.

    Args:
        out: The store.
        generation: Its number.
        identity: What must be the same for it to be gone on with (JSON-ready).
    """

    def __init__(self, out: Path, generation: int, identity: dict[str, Any]) -> None:
        self.out, self.generation, self.identity = out, generation, identity
        self.folder = out / str(generation)
        self._marker = out / BUILDING

    def begun(self) -> bool:
        """Marks the beginning, or takes up what the same call began; whether it had come to its end.

        Raises:
            UserError: The directory holds something else.
        """
        if self._marker.is_file():
            if not self.marked():
                raise UserError(
                    f"{self.out}: something else is being built there; run that command again, or remove "
                    f"{self._marker} to drop it."
                )
            return (self.out / MANIFEST).exists() and read_description(self.out)[0].generation == self.generation
        ours = {LOCK, temporary(self._marker).name}
        if self.generation == 0 and not {path.name for path in self.out.iterdir()} <= ours:
            what = "--append adds to it" if is_store(self.out) else "it is no store"
            raise UserError(f"{self.out}: exists already; choose another --out or remove it ({what}).")
        with disk_errors(self.folder):
            if self.folder.exists():  # of an addition that was dropped
                remove(self.folder)
        write_json(self._marker, {"generation": self.generation, **self.identity})
        return False

    def marked(self) -> bool:
        """Whether this is what is being built there, or was to its end but for clearing away."""
        return self._marker.is_file() and read_json(self._marker) == {"generation": self.generation, **self.identity}

    def clear_away(self) -> None:
        """Removes what only building needs."""
        with disk_errors(self.out):
            for path in (*self.folder.glob("recognised-*"), *self.folder.glob("*.json"), *self._superseded()):
                remove(path)
            self._marker.unlink(missing_ok=True)

    def _superseded(self) -> tuple[Path, ...]:
        """What the generation before said and found by, which this one says and finds by anew."""
        before = self.generation - 1
        old = (self.out / description_name(before), self.out / str(before) / "index")
        return tuple(path for path in old if path.exists())

    def write(self, contents: Contents, origin: Origin, workers: int, announce: Announce) -> None:
        """Writes the generation, and the manifest that makes it count."""
        facts = self._facts(contents, announce)
        tokenizer = self._tokenizer(contents, origin)
        announce(f"{counted(tokenizer.vocabulary_size, 'token')} in the vocabulary")
        shards, blank_lines, last = self._documents(contents, origin, workers, announce)
        self._index(shards, origin)
        self._describe(contents, origin, {"documents": shards, **facts}, blank_lines, last)
        announce(f"store: {self.out}")

    def _facts(self, contents: Contents, announce: Announce) -> dict[str, list[str]]:
        """The shards of the facts by part."""
        first = {part: self._fact_shards(f"recognised-{part}", contents.facts(part)) for part in FACTS}
        announce(f"questions recognised ({sum(len(self._joined(names)) for names in first.values()):,})")
        settle = contents.settle(lambda: (fact for names in first.values() for fact in self._joined(names)))
        spelled = {part: map(settle or _same, self._joined(names)) for part, names in first.items()}
        return {part: self._fact_shards(part, facts) for part, facts in spelled.items()}

    def _joined(self, names: Iterable[str]) -> Joined[Fact]:
        return Joined([fact_shard(self.out / name) for name in names])

    def _fact_shards(self, name: str, facts: Iterator[Fact]) -> list[str]:
        """Writes facts, if all of them are not there already."""
        folders = list[Path]()
        finished = self.folder / f"{name}.json"
        if not finished.is_file():
            for number, some in enumerate(chunks(facts, SHARD)):
                folders.append(self.folder / f"{name}-{number:05d}")
                if not folders[-1].exists():
                    write_arrays(folders[-1], pack_facts(some))
            write_json(finished, {"shards": len(folders)})
        names = [f"{name}-{number:05d}" for number in range(read_json(finished)["shards"])]
        return [f"{self.generation}/{one}" for one in names]

    def _tokenizer(self, contents: Contents, origin: Origin) -> Tokenizer:
        """The store's vocabulary, learned from the documents and then the training facts."""
        path = self.out / TOKENIZER
        if not path.exists():
            train = [self.folder / name for name in sorted(one.name for one in self.folder.glob("train-*"))]
            facts = Joined([fact_shard(folder) for folder in train])
            texts = _texts(contents.documents(), facts)
            apart = names_behind_marks(facts)
            write_text(path, train_tokenizer(origin.tokenizer, texts, apart=apart).to_json())
        return Tokenizer.load(path)

    def _documents(
        self, contents: Contents, origin: Origin, workers: int, announce: Announce
    ) -> tuple[list[str], list[int], int]:
        """The shards of the documents, the lines that are blank, and the last line."""
        before = origin.before.description.last_line if origin.before else 0
        blank, last, names, again = list[int](), before, list[str](), 0

        def parts() -> Iterator[TokenizingPart]:
            nonlocal last
            for number, some in enumerate(chunks(present(), SHARD)):
                folder = self.folder / f"documents-{number:05d}"
                names.append(f"{self.generation}/{folder.name}")
                last = some[-1].line
                if not folder.exists():
                    yield TokenizingPart(folder, some)

        def present() -> Iterator[Document]:
            nonlocal again
            for line, document in contents.documents():
                if document is None:
                    blank.append(line + before)
                    continue
                again += origin.before is not None and origin.before.index.holds(document)
                yield replace(document, line=line + before) if before else document

        for folder in map_ordered(Tokenizing(self.out / TOKENIZER), parts(), workers):
            announce(f"tokenized {folder.name}")
        if again:
            announce(f"Careful: {counted(again, 'titled document is', 'titled documents are')} in the store twice now")
        return names, blank, last

    def _index(self, shards: list[str], origin: Origin) -> None:
        """Arrays by which documents are found by their subjects: those of all generations."""
        folder = self.folder / "index"
        if folder.exists():
            return
        every = [*(origin.before.description.shards["documents"] if origin.before else ()), *shards]
        lower_R = np.concatenate([map_array(self.out / name / "lower_hash.npy") for name in every])
        order_R = lower_R.argsort(kind="stable")
        titles, taken = Gathering(), Gathering()
        for name in every:
            titled = np.diff(map_array(self.out / name / "subject_ends.npy"), prepend=0) > 0
            titles.add(map_array(self.out / name / "subject_hash.npy")[titled])
            taken.add(map_array(self.out / name / "words.npy"))
        arrays = {"index_hash": lower_R[order_R], "index_row": order_R.astype(np.int64, copy=False)}
        write_arrays(folder, {**arrays, "titles": titles.array(), "taken": taken.array()})

    def _describe(
        self, contents: Contents, origin: Origin, shards: dict[str, list[str]], blank: list[int], last: int
    ) -> None:
        """Writes the description, and then the manifest, which makes it count."""
        old = origin.before.description if origin.before else None
        every = {part: (*(old.shards[part] if old else ()), *names) for part, names in shards.items()}
        files = {(f"{self.generation}/{name}" if old else name): sha for name, sha in origin.files.items()}
        files = {**(old.files if old else {}), **files}
        facts = {part: self._joined(every[part]) for part in FACTS}
        relations = _counted(contents.relations, facts)
        folders = [self.out / name for name in every["documents"]]
        index = Index(self.folder / "index", Joined([document_shard(folder) for folder in folders]))
        description = Description(
            generation=self.generation,
            name=origin.name,
            tokenizer=origin.tokenizer,
            shards=every,
            files=files,
            blank_lines=(*(old.blank_lines if old else ()), *blank),
            last_line=last,
            relations=relations,
            name_lists={
                origin_: (tuple(first), tuple(second)) for origin_, (first, second) in contents.name_lists.items()
            }
            or (old.name_lists if old else {}),
            read_as={**(old.read_as if old else {}), **contents.read_as},
            doubts=(*(old.doubts if old else ()), *contents.doubts),
            summary=summarise(origin.name, facts, folders, index, relations, files),
        )
        name = description_name(self.generation)
        write_text(self.out / name, description.text())
        manifest = self._manifest(name, every).text()
        if len(manifest) > MOST_BYTES:
            raise UserError(f"{self.out}: too many documents for one store; build several of fewer.")
        write_text(self.out / MANIFEST, manifest)

    def _manifest(self, description: str, shards: dict[str, tuple[str, ...]]) -> Manifest:
        """Every file that counts."""
        arrays = [
            f"{folder}/{path.name}"
            for part, folders in shards.items()
            for folder in [*folders, *([f"{self.generation}/index"] if part == "documents" else [])]
            for path in sorted((self.out / folder).iterdir())
        ]
        known = read_manifest(self.out).parts if self.generation else {}
        names = [description, TOKENIZER, *arrays]
        return Manifest({name: known.get(name) or Part.of(self.out / name) for name in names}, {})


def _same(fact: Fact) -> Fact:
    return fact


def _texts(documents: Iterable[tuple[int, Document | None]], facts: Iterable[Fact]) -> Iterator[str]:
    yield from (document.text for _, document in documents if document is not None)
    for fact in facts:
        yield from (fact.question, fact.answers[0])


def _counted(relations: tuple[Relation, ...], facts: dict[str, Joined[Fact]]) -> tuple[Relation, ...]:
    """The relations with the facts that there are of each, `other` among them where a question is of none."""
    counts = {part: Counter(fact.relation for fact in facts[part]) for part in FACTS}
    if OTHER not in {one.name for one in relations} and any(OTHER in count for count in counts.values()):
        relations = (*relations, Relation(name=OTHER, forms=()))
    return tuple(replace(one, train=counts["train"][one.name], dev=counts["dev"][one.name]) for one in relations)
