"""Texts and files that nobody means, near enough to what is meant that most of them are read to their end."""

import json

from hypothesis import strategies as st

from closedbook.errors import UserError
from closedbook.visible import in_a_sentence

ATOMS = (
    *"aAxX0 1.-+,:;!?'\"()[]{}#*_`|/\\<>$&%~^=@\t\u3000\u00a0\u200d\u0301\u0e33\x1b\x7f\x9b\u202e\u2028\ufeff",
    "\U0001f600",
    *("The ", "Ann Lee", "St. ", "U.S. ", "Tin. ", "is a ", "of ", "What is the ", " of Tin?", "1,204 ", "3 May 1921"),
    *(
        "[X]",
        "[Y]",
        "{}",
        "___",
        "国",
        "国の首都は",
        "。",
        "คำ",
        "אב",
        "ß",
        "İ",
        "ﬁ",
        "’s ",
        "answer ",
        "is ",
        "I do not know",
    ),
    *("---\ntitle: a\n---\n", "# ", "```", "- ", "](", "![", "\r", "Q?\t", "\\u0301", "null", "NaN", "1e999"),
)
line = st.lists(st.one_of(st.sampled_from(ATOMS), st.text(max_size=3)), max_size=30).map("".join)
one_line = line.map(lambda text: "".join(c for c in text if c not in "\r\n\t\0" and not "\ud800" <= c <= "\udfff"))
repeated = st.tuples(st.sampled_from(ATOMS), st.integers(1, 4000)).map(lambda pair: pair[0] * pair[1])
text = st.one_of(st.lists(line, max_size=6).map("\n".join), repeated)
plain = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), line)
value = st.recursive(
    plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(line, inner, max_size=3), max_leaves=6
)
KEYS = (
    *(
        "question",
        "answer",
        "answers",
        "subject",
        "relation",
        "popularity",
        "problem",
        "possible_answers",
        "subj",
        "obj",
    ),
    *("s_pop", "sub_label", "obj_label", "template", "title", "text", "pattern", "templates", "Question", "anwser"),
)
record = st.dictionaries(st.one_of(st.sampled_from(KEYS), line), value, max_size=6).map(json.dumps)
records = st.lists(record, max_size=4).map("\n".join)
table = st.tuples(
    st.lists(st.sampled_from(KEYS), min_size=1, max_size=5), st.lists(line, max_size=8), st.sampled_from(",\t;")
).map(lambda parts: "\n".join([parts[2].join(parts[0]), *parts[1]]))


def damaged(source):
    """Bytes of a text, some of which are others or missing."""

    def change(pair):
        data, changes = bytearray(pair[0].encode("utf-8", "surrogatepass")), pair[1]
        for place, byte in changes:
            if data:
                data[place % len(data)] = byte
        return bytes(data)

    return st.tuples(source, st.lists(st.tuples(st.integers(0, 2**16), st.integers(0, 255)), max_size=2)).map(change)


def refusal(path, read, *arguments):
    """What a reader gives, and the sentence that it refuses with, which names the path; one of them is None."""
    try:
        return read(*arguments), None
    except UserError as error:
        sentence = in_a_sentence(str(error))
    assert sentence.startswith(str(path)), sentence
    assert sentence.endswith("."), sentence
    return None, sentence
