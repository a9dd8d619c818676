from closedbook.facts.given import with_shared_answers
from closedbook.facts.records import Fact


def fact(question, *answers):
    return Fact(question=question, answers=answers, subject="", line=1)


def test_any_answer_of_a_question_that_stands_there_again_is_right():
    facts = [fact("Who?", "Ann"), fact("Where?", "Rome"), fact("Who?", "Bo", "Ann"), fact("Who?", "Ann")]
    shared, sentence = with_shared_answers(facts, "asked.tsv")
    assert [one.answers for one in shared] == [("Ann", "Bo"), ("Rome",), ("Bo", "Ann"), ("Ann", "Bo")]
    assert sentence == "asked.tsv: 2 questions stand there again, 1 with other answers, any of which is right."
    assert with_shared_answers(facts[:2], "asked.tsv") == (facts[:2], "")
    again, sentence = with_shared_answers([facts[0], facts[3]], "asked.tsv")
    assert (again, sentence) == ([facts[0], facts[3]], "asked.tsv: 1 question stands there again.")
