"""Pages in a real Chromium, in the window of a telephone."""

from closedbook.audit.audit import audit
from closedbook.audit.inquiry import Material
from closedbook.audit.settings import Settings
from closedbook.evaluation.form import Form
from closedbook.report.audit_files import write_audit
from tests.audit.conftest import Parrot, facts
from tests.serve.page.conftest import NARROW, sideways


class Chatty(Parrot):
    """A parrot whose prompt has a system's turn in a line, and a word that is wider than the window."""

    form, chats = Form(template="{}", chat=True), True

    def prompts(self, questions, *, place="question"):
        turn = "<|im_start|>system You are a helpful AI assistant, trained by somebody. " + "x" * 100
        return [
            type(prompt)(question=prompt.question, ids=prompt.ids, text=f"{turn}\n{prompt.text}")
            for prompt in super().prompts(questions, place=place)
        ]


def test_an_audit_of_a_chat_model_is_no_wider_than_the_window(chromium, tmp_path):
    write_audit(
        tmp_path, audit(Chatty(), Material(facts=facts()), Settings(names=0, depth="quick"), measure_form=False)
    )
    tab = chromium.new_page(viewport=NARROW)
    tab.goto((tmp_path / "audit.html").as_uri())
    assert "trained by somebody" in tab.inner_text("pre")
    assert sideways(tab) == 0
    tab.close()
