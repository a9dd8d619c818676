"""Known answers beside the right one: what is found by how it begins is what a look at each of them finds."""

import random

import pytest

from closedbook.evaluation.mentions import Answered, Known
from closedbook.evaluation.scorers import contained_match
from closedbook.facts.records import Fact

ANSWERS = (
    "Guinea,Equatorial Guinea,New York,York,Lima,A,B-,C++,C,Au,AND,the,no,yes,8,12,three,5 grams,5 g,30 minutes,1/2,"
    "$5,5 €,%,==,**,巴黎,京都,パリ,파리,ปารีส,Saint-Denis,St. Denis,December 10 1815,1815,8849 m,O'Neill,ß,É, ,"
    "Côte d'Ivoire"
).split(",")
BETWEEN = 'is,is not,in the,and,or,of 1,(,),.,",: ,not a,instead of,no longer,the capital of,n,s, 是,是,5,is a city in'
QUESTIONS = (
    "What is the capital of Guinea?",
    "Is it Lima?",
    "How many are in York?",
    "巴黎是什么？",
    "In which country is X?",
)


FILLERS = "It,so,one,the village,people,says,a thing".split(",")


def told(draw, fact):
    pieces = draw.choices(FILLERS, k=draw.randrange(5)) + draw.choices(BETWEEN, k=draw.randrange(4))
    pieces += draw.choices(ANSWERS, k=draw.randrange(3))
    pieces += fact.answers * draw.randrange(2)
    draw.shuffle(pieces)
    return draw.choice(("", "Guinea is a village that ")) + "".join(
        f"{one}{draw.choice((' ', ' ', ''))}" for one in pieces
    )


def asked(draw):
    question = draw.choice(QUESTIONS)
    return Fact(question=question, answers=(draw.choice(ANSWERS),), subject="Guinea", line=1, relation="r")


@pytest.mark.parametrize("seed", range(10))
def test_a_look_at_what_stands_there_alone_gives_the_same_grades(seed, monkeypatch):
    draw = random.Random(seed)
    facts = [asked(draw) for _ in range(100)]
    cases = [(told(draw, fact), fact) for fact in facts]
    known = {"r": draw.sample(ANSWERS, 12) * 3}
    grades = [contained_match(known)(text, fact).grade for text, fact in cases]
    monkeypatch.setattr(Known, "mentioned", lambda self, _: iter(self.answers))
    assert [contained_match(known)(text, fact).grade for text, fact in cases] == grades
    assert set(grades) == {"correct", "incorrect", "not_attempted"}


def test_answers_whose_letters_are_not_there_are_not_looked_for(monkeypatch):
    looked, mentions = [], Answered.mentions
    monkeypatch.setattr(Answered, "mentions", lambda self, answer: looked.append(answer) or mentions(self, answer))
    scorer = contained_match({"r": [f"Town {number}" for number in range(2_000)]})
    fact = Fact(question="Where is X?", answers=("Town 17",), subject="X", line=1, relation="r")
    assert scorer("It is in Town 17.", fact).correct
    assert not scorer("It is in Town 17, I mean Town 18.", fact).correct
    assert set(looked) == {"Town 1", "Town 17", "Town 18"}
