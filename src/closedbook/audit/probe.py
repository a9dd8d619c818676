"""A probe: a logistic regression on the model's hidden states that says whether its answer is right.

The states are the residual stream half-way through the layers, at the last token of the answer (compare Azaria and
Mitchell 2023, The internal state of an LLM knows when it's lying). It is fitted on calibration facts alone; how
strongly it is held back is chosen there by cross-validation.
"""

import numpy as np

from closedbook.audit.signals import Evidence
from closedbook.evaluation.language_model import LanguageModel

FEWEST = 10  # right and wrong answers each, to fit on
FOLDS = 5
STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)  # inverse of the penalty


def probe(model: LanguageModel, calibration: Evidence, audited: Evidence, seed: int = 0) -> np.ndarray | None:
    """The probability that each audited answer is right; None where too few calibration answers are right or wrong.

    Args:
        model: Whose states are read.
        calibration: What came of the calibration facts.
        audited: What came of the audited ones.
        seed: Of the folds.
    """
    from sklearn.linear_model import LogisticRegressionCV
    from sklearn.model_selection import StratifiedKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    right = calibration.right
    if min(right.sum(), (~right).sum()) < FEWEST:
        return None
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    regression = LogisticRegressionCV(
        Cs=list(STRENGTHS),
        cv=folds,
        scoring="neg_log_loss",
        l1_ratios=(0.0,),
        use_legacy_attributes=False,
        max_iter=1000,
    )
    fitted = make_pipeline(StandardScaler(), regression).fit(_states(model, calibration), right)
    return np.asarray(fitted.predict_proba(_states(model, audited))[:, 1], dtype=np.float64)


def _states(model: LanguageModel, evidence: Evidence) -> np.ndarray:
    return model.represent_answers(evidence.evaluation.prompts, evidence.evaluation.responses)
