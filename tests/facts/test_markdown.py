"""What Markdown becomes before it is read as sentences."""

import pytest

from closedbook.facts.keyed import split_front
from closedbook.facts.markdown import parts, plain_line, split_heading, text_of


def plain(markdown):
    return text_of(parts(markdown))


@pytest.mark.parametrize(
    ("markdown", "text"),
    [
        (
            "- Capital: Berlin\n- Currency: euro.\n- Area\n  of all: large",
            "Capital: Berlin. Currency: euro. Area of all: large.",
        ),
        ("* a\n+ b\n1. c\n2. d\n- [x] e\n", "a. b. c. d. e."),
        ("It was built in\n1912. It stands.", "It was built in 1912. It stands."),
        ("One\n\nTwo\nthree", "One. Two three."),
        ("Capital: Berlin  \nCurrency: euro\\\nEnd", "Capital: Berlin. Currency: euro. End."),
        (
            "| Field | Value |\n|---|:-:|\n| Capital | Berlin |\n| Area | |\n\nText",
            "Field: Value. Capital: Berlin. Area. Text.",
        ),
        ("a | b | c\n--|--|--\n1 | 2 \\| 3 | 4\n", "a, b, c. 1, 2 | 3, 4."),
        ("a | b is no table", "a | b is no table."),
        ("Before <!-- not\nread --> after", "Before after."),
        ("Left <!-- open", "Left <!-- open."),
        ("Life\n----\nLong.\n\n---\n\n***\nEnd!", "Life. Long. End!"),
        ("> Quoted\n> text", "Quoted text."),
        ("```\n- code\n# code\n```\n- item", "- code # code item."),
        ("**Capital**\n", "Capital."),
        ("*Who?*\n\n“So.”\n\n- 北京。", "Who? “So.” 北京。"),
        ("about\n298. The church", "about 298. The church."),
        ("1. FC Köln ist alt.\n\nText", "1. FC Köln ist alt. Text."),
        ("1984. was a year", "1984. was a year."),
        ("Born: Leeds\nSpouse: Ann Lee\nof Rome", "Born: Leeds. Spouse: Ann Lee of Rome."),
        ("***Bold*** *50%* `__init__` x_{12} 5\\*3 E* and H*", "Bold 50% __init__ x_{12} 5*3 E* and H*."),
        ("H<sub>2</sub>O AT&amp;T, a<br>b", "H2O AT&T, a. b."),
        ("1. One\n\n![img](x)\n\n2. Two\n\nMore\n\n3. Three", "One. Two. More. Three."),
        ("<table><tr><td>Symbol</td><td>Sn</td></tr></table>", "Symbol. Sn."),
        ("<p>one</p><p>two <b>words</b></p><script>no()</script>", "one. two words."),
        ("Vec<String> and x<y>z", "Vec<String> and x<y>z."),
        ("10 ^6\nmore {#x} is", "10 ^6 more {#x} is."),
        ("首都：东京\n面积：5", "首都：东京. 面积：5."),
        ("> | a | b |\n> |---|---|\n> | 1 | 2 |\n>> deep", "a: b. 1: 2. deep."),
        (
            "[[Malacca|the Malay]], [[Tin]], ![[x.png]], [Tin][1], ~~gone~~ ^a1\n\n[1]: http://x",
            "the Malay, Tin, , Tin, gone.",
        ),
        (
            "```\ndef __init__(self, **kw): a[0](x) <!-- kept -->\n```",
            "def __init__(self, **kw): a[0](x) <!-- kept -->",
        ),
        ("", ""),
    ],
)
def test_what_stands_on_lines_of_its_own_becomes_sentences(markdown, text):
    assert " ".join(plain(markdown).split()) == text


def test_titles():
    assert split_heading("# Tin #\nText") == ("Tin", "Text")
    assert split_heading("# C#\nText") == ("C#", "Text")
    assert split_heading("\nTin\n===\nText") == ("Tin", "Text")
    assert split_heading("<!-- badge -->\n# Tin\nText") == ("Tin", "Text")
    assert split_heading("Tin\nis a metal") == ("", "Tin\nis a metal")
    assert split_heading("## History\nText") == ("", "## History\nText")
    assert plain_line("Ann *Lee* [[Tin]]") == "Ann Lee Tin"


@pytest.mark.parametrize(
    ("block", "title"),
    [
        ('---\ntitle: "Tin"\n---\n', "Tin"),
        ("---\ntitle: >-\n  Tin\n  Can\n---\n", "Tin Can"),
        ("---\ntitle: Tin # a metal\n---\n", "Tin"),
        ("---\nTitle: 'It''s Tin'\n---\n", "It's Tin"),
        ('---\ndate created: 2023-04-06\n"title": Tin\n---\n', "Tin"),
        ("---\ntags: [a,\nb\n]\ntitle: 7\n...\n", "7"),
        ("---\ntitle: null\n---\n", ""),
        ("---\ntitle: 007\ndraft: !!bool maybe\n---\n", "007"),
        ("---\ntitle: 2023-04-06\n---\n", "2023-04-06"),
        ("---\na: [\ntitle: Tin\n---\n", "Tin"),
        ("---\n---\n", ""),
        ("+++\ntitle='Tin'\n+++\n", "Tin"),
    ],
)
def test_what_stands_before_a_text_is_no_part_of_it(block, title):
    found = split_front(block + "Text")
    assert (found.title, found.rest) == (title, "Text")


@pytest.mark.parametrize(
    "text",
    [
        "---\nText and\n---\nmore.",
        "---\ntitle: Tin\nText",
        "Text\n---\na: b\n---\n",
        "---\n\n# One\n\nIt is.\n\n---\n\nText",
        "---\nNote: it is\n\nFree prose\n---\nText",
        "---\n- a\n---\nText",
    ],
)
def test_rules_are_no_such_block(text):
    assert split_front(text) == ("", (), text)


def test_what_is_nested_deeply_is_read():
    items = "".join("  " * depth + f"- item{depth}\n" for depth in range(30))
    assert "item29" in plain(items)
    assert plain("> " * 40 + "deep") == "deep."


def test_yaml_that_multiplies_what_it_names_takes_no_time():
    lines = ["a0: &a0 {k: v}"]
    lines += [f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 10)}]}}" for n in range(1, 12)]
    assert split_front("---\n" + "\n".join(lines) + "\ntitle: Tin\n---\nText")[::2] == ("Tin", "Text")


def test_yaml_that_refers_to_another_place_says_what_it_has_written():
    lines = ["title: Tin", f"l0: &l0 {{{', '.join(f'k{n}: v' for n in range(9))}}}"]
    lines += [f"l{n}: &l{n} {{{', '.join(f'k{k}: *l{n - 1}' for k in range(9))}}}" for n in range(1, 4)]
    block = "\n".join(lines)
    found = split_front(f"---\n{block}\n---\nText")
    assert (found.title, found.rest) == ("Tin", "Text")
    assert len("\n".join(found.lines)) <= len(block)
    assert split_front("---\na: 2 * 3\nb: '*c'\nd: &e f\n---\nText").lines == ("a: 2 * 3.", "b: *c.", "d: f.")
