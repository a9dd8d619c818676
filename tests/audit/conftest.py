"""What the audit's tests ask: a run that has learned a few facts, and a parrot."""

import math

from closedbook.errors import UserError
from closedbook.evaluation.language_model import Answers, Prompt, Response
from closedbook.facts.records import Fact

NATS = math.log(0.64)


def response(text, nats=NATS, tokens=2):
    return Response(text=text, ids=(0,) * tokens, token_nats=(nats / tokens,) * tokens, closed=True)


class Parrot:
    """Says what it is told to, at once: a language model without a model."""

    name, kind, parameters, form, chats = "parrot", "a parrot", 0, None, False

    def __init__(self, said=None, others=None, drawn=None, lacking=()):
        self.said, self.others, self.drawn, self.lacking = said or {}, others or {}, drawn or {}, lacking

    def lacks(self, ability):
        return "a parrot cannot" if ability in self.lacking else None

    def fingerprint(self):
        return "feathers"

    def prompts(self, questions, *, place="question"):
        for number, question in enumerate(questions, 1):
            if "!" in question:
                raise UserError(f"{place} {number}: no exclamations.")
        return [Prompt(question=question, ids=tuple(range(len(question))), text=question) for question in questions]

    def check_answers(self, answers, *, place="answer"):
        pass

    def respond(self, prompts):
        said = [response(self.said.get(prompt.question, "Rome")) for prompt in prompts]
        if self.lacks("log_probabilities"):
            return [Response(text=one.text, ids=(), token_nats=None, closed=True) for one in said]
        return said

    def asked_by(self, form):
        raise AssertionError("a parrot has no form")

    def inquire(self, prompts, *, samples=0, alternatives=False, seed=0):
        drawn = [self.drawn.get(prompt.question, ["Rome"] * samples) for prompt in prompts]
        return [
            Answers(
                response=said,
                samples=tuple(map(response, texts)),
                alternatives=tuple(self.others.get(prompt.question, ())) if alternatives else (),
            )
            for prompt, said, texts in zip(prompts, self.respond(prompts), drawn, strict=True)
        ]

    def log_probability(self, prompts, answers):
        return [-1.0] * len(prompts)

    def choose(self, prompts, candidates):
        raise AssertionError("a parrot does not choose")

    def continue_documents(self, subjects, before):
        assert all(text.endswith("was born in ") for text in before)
        return ["Rome and more" if subject in ("Ann Lee", "Bo Diaz") else "Oslofjord" for subject in subjects]

    def continuation_log_probability(self, subjects, before, answers):
        return [-2.0] * len(subjects)

    def represent(self, prompts, subjects):
        raise AssertionError("a parrot has no states")

    def represent_answers(self, prompts, responses):
        raise AssertionError("a parrot has no states")


def facts(count=3, answer="Rome"):
    return [
        Fact(question=f"Where was P{i} born?", answers=(answer,), subject=f"P{i}", line=i + 1, relation="born")
        for i in range(count)
    ]
