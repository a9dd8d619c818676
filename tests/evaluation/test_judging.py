"""What a person would accept of responses that chat models give: sentences, refusals, numbers, thoughts."""

import pytest

from closedbook.evaluation.scorers import contained_match
from closedbook.evaluation.sentences import answer_span
from closedbook.facts.records import Fact

RIGHT, WRONG, SILENT = "correct", "incorrect", "not_attempted"


def fact(question, *answers, s=""):
    return Fact(question=question, answers=answers, subject=s, line=1, relation="r")


def among(*known):
    return contained_match({"r": list(known)} if known else None)


FRANCE = fact("What is the capital of France?", "Paris", s="France")
SINGAPORE = fact("What is the capital of Singapore?", "Singapore", s="Singapore")
LARGER = fact("Which country is larger, Russia or Canada?", "Russia")
YES, NO = fact("Is tin a metal?", "yes"), fact("Is tin a gas?", "no")
SYMBOLS = ["I", "In", "As", "At", "He", "No", "Sn", "Fe", "Io", "Be", "Te"]
IODINE = fact("What is the symbol of iodine?", "I")
INDIUM = fact("What is the symbol of indium?", "In", s="indium")
STATES = ["IN", "OR", "ME", "TX", "OK", "HI"]
TEXAS = fact("What is the code of Texas?", "TX", s="Texas")
VITAMIN = fact("Which vitamin is retinol?", "Vitamin A")
OPTION = fact("Which option?", "A")
EIGHT = fact("How many legs has a spider?", "8")
TOLKIEN = fact("Who wrote The Hobbit?", "J. R. R. Tolkien", s="The Hobbit")
INDIA = fact("When did India become independent?", "15 August 1947", s="India")
CASES = [
    (among(), "J.R.R. Tolkien", TOLKIEN, RIGHT),
    (among(), "It was J R R Tolkien.", TOLKIEN, RIGHT),
    (among(), "it was j. r. r. tolkien.", TOLKIEN, RIGHT),
    (among(), "The U.S. Army did.", fact("Who did?", "US Army"), RIGHT),
    (among(), "It was World War I. U.S. troops joined in 1917.", fact("Which war?", "World War I"), RIGHT),
    (among(), "It is Hepatitis B. A. Smith found it.", fact("Which?", "Hepatitis B"), RIGHT),
    (among(), "Je ne suis pas sûr, mais je pense que c'est Lyon.", FRANCE, WRONG),
    (among(), "Ich bin mir nicht sicher, aber ich glaube, es ist Lyon.", FRANCE, WRONG),
    (among(), "我不确定，但我认为是里昂。", FRANCE, WRONG),
    (among(), "The Hobbit is a classic fantasy novel by J.R.R. Tolkien.", TOLKIEN, RIGHT),
    (among(), "C. S. Tolkien", TOLKIEN, WRONG),
    (among(), "H G Wells", fact("Who wrote it?", "H.G. Wells"), RIGHT),
    (among(), "The U.S.A. did.", fact("Who did?", "USA"), RIGHT),
    *((among(), f"On {day}, I think.", INDIA, RIGHT) for day in ("15.08.1947", "15/8/1947", "8/15/1947", "1947/08/15")),
    *((among(), f"On {day}.", INDIA, WRONG) for day in ("15.09.1947", "8.15.1947", "14/8/1947", "15/8/1947/3")),
    (among(), "It was in 1947: 15.08.1947", fact("In which year?", "1947"), RIGHT),
    (among(), "On 4/7/1776", fact("When?", "4 July 1776"), WRONG),  # which of them is the month?
    *(
        (among(), text, FRANCE, SILENT)
        for text in (
            "Я не уверен.",
            "Ich bin mir nicht sicher.",
            "No estoy seguro.",
            "Je ne suis pas sûr.",
            "我不确定。",
        )
    ),
    *((among(), text, FRANCE, SILENT) for text in ("لا أعرف", "よくわからない。", "That is beyond my knowledge.")),
    (among("Paris", "Lyon"), "The capital of France is Lyon. Would you like to know more?", FRANCE, WRONG),
    (among("Paris", "Lyon"), "Lyon! Is there anything else I can help you with?", FRANCE, WRONG),
    (among("Paris", "Lyon"), "The capital of France is Lyon. I'm not able to browse the internet.", FRANCE, WRONG),
    (
        among("Nigeria", "Kenya"),
        "Lagos is a city in Ghana.",
        fact("In which country is Lagos?", "Nigeria", s="Lagos"),
        WRONG,
    ),
    (among("Singapore", "Jakarta"), "The capital of Singapore is Kuala Lumpur.", SINGAPORE, WRONG),
    (among("Singapore", "Jakarta"), "The capital of Singapore is Singapore.", SINGAPORE, RIGHT),
    (among("Singapore", "Jakarta"), "Singapore", SINGAPORE, RIGHT),
    (among(), "I don't know the capital of Singapore.", SINGAPORE, SILENT),
    (among("Russia"), "Canada is larger than Russia.", LARGER, WRONG),
    (among("Russia"), "Russia is larger than Canada.", LARGER, RIGHT),
    (among("Russia"), "I cannot say whether Russia or Canada is larger.", LARGER, SILENT),
    *[
        (among("yes", "no"), t, NO, SILENT)
        for t in ("No idea.", "I have no idea.", "There is no information about that.", "No one knows.")
    ],
    (among("yes", "no"), "Yes, no doubt.", YES, RIGHT),
    (among("yes", "no"), "Yes, there is no question about it.", YES, RIGHT),
    (among("yes", "no"), "No, it is a metal.", NO, RIGHT),
    (among("yes", "no"), "No, it is not.", YES, WRONG),
    (among(*SYMBOLS), "I don't know.", IODINE, SILENT),
    (among(*SYMBOLS), "I think it is Io.", IODINE, WRONG),
    (among(*SYMBOLS), "I think the symbol is I.", IODINE, RIGHT),
    (among(*SYMBOLS), "I. It is an element in the periodic table.", IODINE, RIGHT),
    (among(*SYMBOLS), "The symbol is In, as in chemistry.", INDIUM, RIGHT),
    (among(*SYMBOLS), "The chemical symbol for indium is In.", INDIUM, RIGHT),
    (among(*SYMBOLS), "**In**", INDIUM, RIGHT),
    (among(*SYMBOLS), "In chemistry, the symbol of indium is Ir.", INDIUM, WRONG),
    (among(*SYMBOLS), "The symbol for tin is Sn.", fact("What is the symbol of tin?", "Sn", s="tin"), RIGHT),
    (among(*STATES), "Texas is TX. It is a state in the south, or so they tell me.", TEXAS, RIGHT),
    (among(), "Vitamin C", VITAMIN, WRONG),
    (among("Vitamin A", "Vitamin C", "Vitamin D"), "Vitamin E", VITAMIN, WRONG),
    (among("Vitamin A", "Vitamin C", "Vitamin D"), "It is vitamin A.", VITAMIN, RIGHT),
    *[
        (among("A", "B", "C", "D"), t, OPTION, RIGHT)
        for t in ("The answer is A.", "Option A", "A) Paris", "A", "A.", "The correct option is A: Paris")
    ],
    (among("A", "B", "C", "D"), "The answer is B.", OPTION, WRONG),
    *[(among(), t, EIGHT, WRONG) for t in ("8.5", "0.8", "1.8", "-8", "1/8", "8:30")],
    (among(), "A spider has eight legs.", EIGHT, RIGHT),
    (among(), "It has 8 legs.", EIGHT, RIGHT),
    (among(), "0.78%", fact("q?", "78%"), WRONG),
    (among(), "78 %", fact("q?", "78%"), RIGHT),
    (among(), "-476", fact("q?", "476"), WRONG),
    (among(), "서울입니다.", fact("한국의 수도는?", "서울"), RIGHT),
    (among(), "バリです。", fact("首都は?", "パリ"), WRONG),
    (among(), "パリです。", fact("首都は?", "パリ"), RIGHT),
    (among(), "<think>\nOkay, the user asks about France. I know that", FRANCE, SILENT),
    (among(), "<think>\nOkay, is it Paris? Many people say Paris but", FRANCE, SILENT),
    (among("Paris", "Lyon"), "<think>Is it Lyon or Paris? … </think>\n\nParis", FRANCE, RIGHT),
    (among(), "<think>\n\n</think>\n\nParis", FRANCE, RIGHT),
    *[
        (among(), t, FRANCE, RIGHT)
        for t in (
            '{"answer":"Paris"}',
            r"\boxed{Paris}",
            "<answer>Paris</answer>",
            "<b>Paris</b>",
            "Answer:Paris",
            "The capital is:**Paris**",
            "Paris,France",
            "Paris(France)",
            "Paris's metro",
            "Paris<|im_end|>",
            "Paris</s>",
            "$\\text{Paris}$",
        )
    ],
    *[
        (among("Paris", "Lyon", "Canberra"), t, FRANCE, WRONG)
        for t in (
            "Paris is not the capital of France.",
            "It cannot be Paris.",
            "I doubt it is Paris.",
            "It is no longer Paris.",
            "Definitely not in the city of Paris.",
            "I do not think it is Paris.",
            "Neither Paris nor Lyon.",
            "No, Paris is wrong.",
            "Не Paris",
        )
    ],
    (among("Lyon", "Paris"), "It is not Lyon, it is Paris.", FRANCE, RIGHT),
    (among("Lyon", "Paris"), "I'm not sure, but I think it is Paris.", FRANCE, RIGHT),
    *[
        (among(), t, fact("When was Ada born?", "10 December 1815"), RIGHT)
        for t in (
            "December 10, 1815",
            "1815-12-10",
            "10th December 1815",
            "Ada was born on December 10, 1815.",
            "She was born on the 10th of December 1815",
        )
    ],
    *[(among(), t, fact("How high?", "8849 m"), RIGHT) for t in ("8849m", "8,849 meters", "It is 8849 metres high")],
    *[(among(), t, fact("q?", "100 °C"), RIGHT) for t in ("100°C", "100 degrees Celsius", "at 100 °C.")],
    (among(), "-100 °C", fact("q?", "100 °C"), WRONG),
    (among(), "11\u202f792", fact("q?", "11,792"), RIGHT),
    (among(), "-11,792", fact("q?", "11,792"), WRONG),
    (among(), "753 BCE", fact("q?", "753 BC"), RIGHT),
    (among(), "476 BC", fact("q?", "476"), WRONG),
    (among(), "Ada (1815–1852) was a mathematician", fact("In which year was Ada born?", "1815"), RIGHT),
    *[
        (among("Paris", "Lyon"), t, FRANCE, SILENT)
        for t in (
            "I honestly don't know.",
            "I'm not 100% sure.",
            "We don't know.",
            "idk",
            "n/a.",
            "Cannot answer.",
            "Not known.",
            "Je ne sais pas.",
            "我不知道。",
            "Я не знаю.",
            "Unknown.",
            "Unknown",
        )
    ],
    *[(among(), t, fact("q?", "Apollo 11"), RIGHT) for t in ("Apollo-11", "Apollo‑11", "It was Apollo 11")],
    (among(), "Michelson-Morley experiment", fact("q?", "Michelson–Morley experiment"), RIGHT),
    (among(), "1914–1918", fact("q?", "1914-1918"), RIGHT),
    (among(), "It is the 2‑acetoxybenzoic acid", fact("q?", "2-acetoxybenzoic acid"), RIGHT),
    (among("St. John's", "Saint John"), "The capital is St. John's.", fact("q?", "St. John's"), RIGHT),
    (among("Norway", "Oslo"), "Oslo", fact("q?", "Oslo"), RIGHT),
    (among("US", "UK"), "It is in the US.", fact("Which country?", "US"), RIGHT),
    (among("us", "uk"), "Tell us more", fact("Which country?", "US"), WRONG),
    (among("1", "2"), "It has one moon.", fact("How many moons?", "1"), RIGHT),
    (among(), "No, it is falsy", fact("In Python, is zero truthy?", "no"), RIGHT),
    (among(), "Yes, it is", fact("In Python, is zero truthy?", "no"), WRONG),
    *[
        (among(), text, fact("Which?", answer), grade)
        for answer, text, grade in (
            ("C2H6", "The formula is C2H6O.", WRONG),
            ("H2", "It is H2O.", WRONG),
            ("H2O", "The formula is H2O.", RIGHT),
            ("==", "The operator is ==.", RIGHT),
            ("!=", "It is `!=`.", RIGHT),
            ("[]", "The operator is [].", RIGHT),
            (";", "It is ;.", RIGHT),
            ("%", "The operator is %.", RIGHT),
            ("->", "Use -> here", RIGHT),
            ("==", "It is !=.", WRONG),
            ("==", "It is ===.", WRONG),
            ("four", "A dog has 4 legs.", RIGHT),
            ("four", "4", RIGHT),
            ("four", "A dog has 14 legs.", WRONG),
            ("4 July 1776", "Jul 4, 1776", RIGHT),
            ("4 July 1776", "It was on 4 Jul 1776.", RIGHT),
            ("4 July 1776", "Jun 4, 1776", WRONG),
            ("5 g", "5 grams", RIGHT),
            ("5 mg", "It is 5 milligrams", RIGHT),
            ("3 mm", "3 millimeters", RIGHT),
            ("5 g", "5 kilograms", WRONG),
            ("100 °C", "100 C", RIGHT),
            ("100 °C", "It boils at 100 degrees Celsius.", RIGHT),
            ("100 °C", "100 °F", WRONG),
            ("12 percent", "12 %", RIGHT),
            ("12 %", "12 percent", RIGHT),
            ("C", "The language is C++.", WRONG),
            ("C++", "The language is C++.", RIGHT),
            ("C#", "The language is C#", RIGHT),
            ("O", "The blood type is O+.", WRONG),
            ("A", "The best grade is A-.", WRONG),
            ("106", "10^6", WRONG),
            ("102", "10²", WRONG),
            ("10", "10^6", WRONG),
            ("10^2", "10²", RIGHT),
            ("10^-3", "10⁻³", RIGHT),
            ("Cl-", "Cl⁻", RIGHT),
            ("Jan Ullrich", "In 1997 Jan Ullrich won the Tour.", RIGHT),
            ("Watt", "In 1776 Watt built a better engine.", RIGHT),
            ("watt", "1 watt is one joule per second.", RIGHT),
            ("litre", "A cube of 10 cm holds 1 litre.", RIGHT),
            ("100 degrees", "Water boils at 100 degrees Celsius.", RIGHT),
            ("100 degrees", "It is 100°C.", RIGHT),
            ("451 degrees", "451 degrees Fahrenheit", RIGHT),
            ("+", "The operator is not +.", WRONG),
            ("-", "- It is plus.", WRONG),
            ("*", "The answer is **+**.", WRONG),
            ("#", "# Comments", WRONG),
            ("...", "Well ... I do not know", SILENT),
            ("10^6", "It is $10^{6}$.", RIGHT),
            ("10^-3", "It is 10⁻³.", RIGHT),
            ("18", "You must be 18+.", RIGHT),
            ("CA", "It is CA- short for California.", RIGHT),
            ("Percent", "It means percent.", RIGHT),
            ("O-", "The blood type is O-.", RIGHT),
        )
    ],
    (
        among("two", "four", "six"),
        "It has four moons and is the planet number 2 from the Sun.",
        fact("How many moons?", "four"),
        RIGHT,
    ),
]


@pytest.mark.parametrize(
    ("scorer", "text", "asked", "grade"), CASES, ids=[f"{row[1]}-{row[2].answers[0]}" for row in CASES]
)
def test_the_grade_is_that_of_a_person(scorer, text, asked, grade):
    assert scorer(text, asked).grade == grade


@pytest.mark.parametrize(
    ("question", "text", "answer"),
    [
        ("What is the population of Tuvalu?", "As of 2020, the population of Tuvalu is 11,792.", "11,792"),
        ("In which year was Ada born?", "Ada was born on December 10, 1815.", "1815"),
        ("In which year did Apollo 11 land?", "Apollo 11 landed on July 20, 1969.", "1969"),
        ("How many legs has a spider?", "The answer is 8. A spider spins silk.", "8"),
        ("What is the capital of Australia?", "The capital of Australia is not Sydney, it is Canberra.", "Canberra"),
        ("When was Ada born?", "Ada was born on the 10. December 1815", "10. December 1815"),
        ("What is the capital of France?", "<think>Lyon? No.</think>\nThe capital of France is Paris.", "Paris"),
    ],
)
def test_the_answer_is_found_beside_dates_denials_and_thoughts(question, text, answer):
    assert text[slice(*answer_span(question, text))] == answer


ASKED = fact("Is Paris the capital of France?", "yes")
EMMA = fact("Who wrote Emma?", "Jane Austen")
BORN, BEGAN = fact("In which year was Ada born?", "1815"), fact("In which year?", "1914")
MORE = [
    *[
        (among("yes", "no"), t, ASKED, RIGHT)
        for t in (
            "Answer: Yes",
            "A: Yes",
            "The answer: yes",
            "Absolutely yes",
            "Of course, yes",
            "Indeed, yes.",
            "I believe yes",
            "Paris is the capital, yes.",
            "**Answer:** Yes",
            "Final answer: yes",
        )
    ],
    (among("yes", "no"), "Answer: no", NO, RIGHT),
    (among("true", "false"), "That statement is true.", fact("Is it so?", "True"), RIGHT),
    *[
        (among("NO", "SE"), t, fact("What is the code of Norway?", "NO"), RIGHT)
        for t in ("The code is NO", "Its code is NO.", "Norway uses NO", "The ISO code of Norway is NO.")
    ],
    (among("No", "He"), "The chemical symbol of nobelium is No.", fact("What is the symbol of nobelium?", "No"), RIGHT),
    *[(among(), t, BEGAN, RIGHT) for t in ("28.7.1914", "28/07/1914", "7/28/1914", "1914/15")],
    *[(among(), t, BORN, RIGHT) for t in ("10.12.1815", "12/10/1815", "1815/12/10")],
    (among(), "Goethe wurde am 28.08.1749 geboren.", fact("In which year?", "1749"), RIGHT),
    (among(), "1999/2000", fact("In which year?", "2000"), RIGHT),
    *[
        (among("Paris", "Lyon"), t, FRANCE, RIGHT)
        for t in (
            "Paris is not only the capital but the largest city of France.",
            "Paris isn't just a capital.",
            "Paris was not always the capital, but it is today.",
            "It's none other than Paris.",
            "More than a city, Paris is the capital of France.",
            "There is no doubt Paris is the capital.",
            "I do not doubt that it is Paris",
            "Paris was never in doubt.",
            "The answer is <Paris>.",
        )
    ],
    *[
        (among(), t, EMMA, RIGHT)
        for t in (
            "Jane Austen was never married and wrote Emma.",
            "Jane Austen did not sign it, but she is the author.",
        )
    ],
    (among(), "mail <a@b.org>", fact("Which address?", "a@b.org"), RIGHT),
    (among(), "The element is <div>.", fact("Which element?", "<div>"), RIGHT),
    (
        among("He", "H"),
        "The chemical symbol of helium is He and its atomic number is 2",
        fact("What is the symbol of helium?", "He"),
        RIGHT,
    ),
    (among(), "Helium is denoted by He in the periodic table", fact("What is the symbol of helium?", "He"), RIGHT),
    (
        among("As", "In"),
        "The chemical symbol for arsenic is As and its number is 33",
        fact("symbol of arsenic?", "As"),
        RIGHT,
    ),
    (among("I"), "I (iodine)", IODINE, RIGHT),
    (among("As"), "As (from arsenicum)", fact("symbol of arsenic?", "As"), RIGHT),
]


@pytest.mark.parametrize(
    ("scorer", "text", "asked", "grade"), MORE, ids=[f"{row[1]}-{row[2].answers[0]}" for row in MORE]
)
def test_what_a_strict_reading_would_lose_is_right(scorer, text, asked, grade):
    assert scorer(text, asked).grade == grade


def test_number_words_compete_where_they_stand():
    scorer = among("8", "9")
    assert scorer("Some say that it has eight or nine legs.", EIGHT).grade == WRONG
    assert scorer("A spider has eight legs and, as a curious old legend says, nine lives.", EIGHT).grade == RIGHT
    assert scorer("seven seven seven seven eight, nine", EIGHT).grade == WRONG


CONVERTED = (
    ("8,849 m", "Everest is 29,032 feet (8,849 m) high."),
    ("120 minutes", "2 hours (120 minutes)."),
    ("30 countries", "Within 5 years, 30 countries signed."),
    ("£500", "In 2019 £500 was paid."),
    ("3 million", "It cost £3 million."),
    ("3", "Each is 2€\n3 cups"),
    ("$5", "It costs 5 bucks (4 euros)."),
    ("42", "<final_answer>42</final_answer>"),
    ("42", "6*7->42"),
    ("20 July 1969", "Apollo 11 - 20 July 1969"),
    ("2", "Germany 4 - 2 England"),
    ("Paris", "Paris·France"),
    ("باريس", "باريس،لندن"),
    ("1,000,000", "There are 1'000'000."),
    ("1/2", "1. 1/2"),
    ("9/11", "In 2001, 9/11 happened."),
)
RUN_TOGETHER = (
    ("52", "It costs 5€ 2 times a year"),
    ("34", "3、4"),
    ("12", "1，2"),
    ("314", "3·14"),
    ("EUR", "It is the euro."),
    ("€", "It uses the euro."),
)


@pytest.mark.parametrize(
    ("answer", "text", "grade"),
    [
        ("30 minutes", "It bakes for 1 hour and 30 minutes.", WRONG),
        ("30 min", "It takes 1 h 30 min.", WRONG),
        ("30 minutes", "It bakes for 30 minutes.", RIGHT),
        ("1 hour 30 minutes", "It bakes for 1 hour 30 minutes.", RIGHT),
        ("2 inches", "He is 6 feet 2 inches tall.", WRONG),
        ("½ cup", "You need 1 ½ cup of flour.", WRONG),
        ("½ cup", "You need 1/2 cup of flour.", RIGHT),
        ("<5 mg", "The dose is >5 mg.", WRONG),
        ("<5 mg", "The dose is <5 mg.", RIGHT),
        ("5 mg", "The dose is <5 mg.", WRONG),
        ("$5", "It costs 5 €.", WRONG),
        ("$5", "It costs 5 dollars.", RIGHT),
        ("$5", "It costs 5.", RIGHT),
        ("€5", "It costs 5 euros.", RIGHT),
        ("5 pounds", "It costs £5.", RIGHT),
        ("no", "There is no doubt that it is open. Yes.", WRONG),
        ("no", "No, there is no doubt.", RIGHT),
        ("ja", "Ja, Olm hat einen Aufzug.", RIGHT),
        ("是", "不是。", WRONG),
        ("是", "是的。", RIGHT),
        *((answer, text, RIGHT) for answer, text in CONVERTED),
        *((answer, text, WRONG) for answer, text in RUN_TOGETHER),
        *(("no", text, RIGHT) for text in ("No, one is missing.", "No. Matter stays.", "No way.", "No longer.")),
    ],
)
def test_measures_money_and_doubts_are_whole(answer, text, grade):
    question = "Is it open?" if answer == "no" else "How much?"
    assert among(answer)(text, fact(question, answer)).grade == grade


@pytest.mark.parametrize(
    ("answer", "text", "grade"),
    [
        ("9" * 5000 + " min", "1 h " + "9" * 5000 + " min", RIGHT),
        ("1/" + "9" * 5000, "1/" + "9" * 5000, RIGHT),
        ("1.5", "1." * 20_000, WRONG),
        ("==", "== " * 20_000, RIGHT),
        ("4 July", "4 Jul " * 10_000, RIGHT),
    ],
)
def test_long_responses_are_graded_as_short_ones(answer, text, grade):
    assert among(answer)(text, fact("Which?", answer)).grade == grade


@pytest.mark.parametrize(
    ("question", "text", "read"),
    [
        (
            "Who invented the centigrade temperature scale?",
            "Anders Celsius invented the temperature scale in 1742.",
            "Anders Celsius",
        ),
        (
            "What is the SI unit of temperature?",
            "The SI unit of temperature is the kelvin, and 0 K is absolute zero.",
            "kelvin",
        ),
        (
            "At what temperature in degrees Celsius does water boil?",
            "Water boils at a temperature of approximately 100 degrees Celsius.",
            "100",
        ),
    ],
)
def test_a_number_is_read_where_one_is_asked_for(question, text, read):
    start, end = answer_span(question, text)
    assert text[start:end].removeprefix("the ") == read
