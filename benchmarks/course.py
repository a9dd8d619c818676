"""The baseline: pretraining, finetuning and evaluation written the plain way that the 2021 course runner does it.

Eager fp32, every example padded to the block by a Python dataset, one question at a time without a cache. Independent
of `closedbook.model` and `closedbook.training`, so that the tests can hold the faithful recipe against it.
"""

import math
import random
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

PAD, MASK = "\u25a1", "\u2047"
Draw = Callable[[int, str], tuple[int, int, int]]
"""(row, document) to (characters kept, prefix, span)."""


class Attention(nn.Module):
    """Causal key-query-value attention."""

    def __init__(self, width: int, heads: int, block: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.key, self.query, self.value = (nn.Linear(width, width) for _ in range(3))
        self.proj = nn.Linear(width, width)
        self.register_buffer("mask", torch.tril(torch.ones(block, block))[None, None])
        self.attn_drop, self.resid_drop = nn.Dropout(dropout), nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        b, t, c = x.shape
        k, q, v = (
            f(x).view(b, t, self.heads, c // self.heads).transpose(1, 2) for f in (self.key, self.query, self.value)
        )
        att = (q @ k.transpose(-2, -1)) * (1.0 / math.sqrt(k.size(-1)))
        att = F.softmax(att.masked_fill(self.get_buffer("mask")[:, :, :t, :t] == 0, -1e10), dim=-1)
        y = (self.attn_drop(att) @ v).transpose(1, 2).contiguous().view(b, t, c)
        return self.resid_drop(self.proj(y))


class SynthesizerAttention(nn.Module):
    """The assignment's Synthesizer: softmax(ReLU(X A + b1) B + b2) X V."""

    def __init__(self, width: int, heads: int, block: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.w1, self.value, self.proj = (nn.Linear(width, width) for _ in range(3))
        self.w2 = nn.Parameter(torch.empty(width // heads, block - 1).uniform_(-0.001, 0.001))
        self.b2 = nn.Parameter(torch.zeros(block - 1))
        self.register_buffer("mask", torch.tril(torch.ones(block, block))[None, None])
        self.attn_drop, self.resid_drop = nn.Dropout(dropout), nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        b, t, c = x.shape
        a, v = (f(x).view(b, t, self.heads, c // self.heads).transpose(1, 2) for f in (self.w1, self.value))
        scores = (F.relu(a) @ self.w2 + self.b2)[:, :, :t, :t]
        att = F.softmax(scores.masked_fill(self.get_buffer("mask")[:, :, :t, :t] == 0, -1e10), dim=-1)
        y = (self.attn_drop(att) @ v).transpose(1, 2).contiguous().view(b, t, c)
        return self.resid_drop(self.proj(y))


class Block(nn.Module):
    """Pre-LayerNorm transformer block."""

    def __init__(self, width: int, heads: int, block: int, attention: type[nn.Module], dropout: float) -> None:
        super().__init__()
        self.ln1, self.ln2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attn = attention(width, heads, block, dropout)
        up, down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.mlp = nn.Sequential(up, nn.GELU(), down, nn.Dropout(dropout))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.ln1(x))
        return x + self.mlp(self.ln2(x))


class CourseGPT(nn.Module):
    """The starter model. Compared number by number it goes without dropout; timed, it has the recipe's."""

    def __init__(
        self,
        vocabulary: int,
        *,
        layers: int = 4,
        heads: int = 8,
        width: int = 256,
        block: int = 128,
        synthesizer: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        attention = SynthesizerAttention if synthesizer else Attention
        self.block = block
        self.tok_emb = nn.Embedding(vocabulary, width)
        self.pos_emb = nn.Parameter(torch.zeros(1, block, width))
        self.drop = nn.Dropout(dropout)
        self.blocks = nn.Sequential(*[Block(width, heads, block, attention, dropout) for _ in range(layers)])
        self.ln_f = nn.LayerNorm(width)
        self.head = nn.Linear(width, vocabulary, bias=False)

    def forward(self, idx: Tensor, targets: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        x = self.drop(self.tok_emb(idx) + self.pos_emb[:, : idx.shape[1]])
        logits = self.head(self.ln_f(self.blocks(x)))
        if targets is None:
            return logits, None
        return logits, F.cross_entropy(logits.view(-1, logits.size(-1)), targets.reshape(-1), ignore_index=0)


def copy_weights(ours: nn.Module, theirs: CourseGPT) -> None:
    """Gives the baseline the weights of a `closedbook.model.gpt.GPT` of the same architecture, by name."""
    names = {"token_embedding": "tok_emb", "position_embedding": "pos_emb", "final_norm": "ln_f"}
    names |= {"norm_1": "ln1", "norm_2": "ln2", "attention": "attn", "projection": "proj"}
    names |= {"mlp.expand": "mlp.0", "mlp.contract": "mlp.2", "scores.hidden.": "", "scores.": ""}
    state = {}
    for name, value in ours.state_dict().items():
        for mine, other in names.items():
            name = name.replace(mine, other)
        state[name] = value[None] if name == "pos_emb" else value
    missing, unexpected = theirs.load_state_dict(state, strict=False)
    assert not unexpected, f"the baseline has no {unexpected}"
    assert all(name.endswith(".mask") for name in missing), f"not given: {missing}"


class CharCorruption:
    """Span corruption example by example: `prefix MASK suffix MASK masked_content`, padded to the block."""

    def __init__(self, text: str, block: int, draw: Draw | None = None) -> None:
        self.vocabulary = [PAD, MASK, *sorted(set(text))]
        self.stoi = {character: index for index, character in enumerate(self.vocabulary)}
        self.documents = text.split("\n")
        self.block, self.draw = block, draw or self._random

    def _random(self, row: int, document: str) -> tuple[int, int, int]:
        kept = min(len(document), random.randint(4, self.block * 7 // 8))
        span = min(kept, random.randint(1, max(kept // 2 - 1, 1)))
        return kept, random.randint(0, kept - span), span

    def __len__(self) -> int:
        return len(self.documents)

    def __getitem__(self, row: int) -> tuple[Tensor, Tensor]:
        document = self.documents[row]
        kept, prefix, span = self.draw(row, document)
        text = document[:kept]
        masked = text[:prefix] + MASK + text[prefix + span :] + MASK + text[prefix : prefix + span]
        masked += PAD * (self.block - len(masked))
        ids = torch.tensor([self.stoi[character] for character in masked])
        return ids[:-1], ids[1:]


class NameQuestions:
    """`question MASK answer MASK`, loss from the first mask on."""

    def __init__(self, corpus: CharCorruption, text: str) -> None:
        self.corpus = corpus
        lines = text.encode("utf-8").decode("ascii", errors="ignore").split("\n")
        self.pairs = [line.split("\t") for line in lines if line]

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, row: int) -> tuple[Tensor, Tensor]:
        question, answer = self.pairs[row]
        x = question + MASK + answer + MASK
        x += PAD * (self.corpus.block - len(x))
        y = PAD * (len(question) - 1) + x[len(question) :]
        stoi = self.corpus.stoi
        return torch.tensor([stoi[c] for c in x[:-1]]), torch.tensor([stoi[c] for c in y])


def train(
    model: CourseGPT,
    dataset: CharCorruption | NameQuestions,
    *,
    rows: int,
    rate: float,
    final_tokens: int,
    steps: int,
) -> Iterator[float]:
    """The course's trainer, in file order; yields every loss.

    The learning rate is set after each step, from the tokens seen, padding included.
    """
    decay = [p for name, p in model.named_parameters() if "bias" not in name]
    rest = [p for name, p in model.named_parameters() if "bias" in name]
    groups = [{"params": decay, "weight_decay": 0.1}, {"params": rest, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.95))
    tokens, warmup = 0, 512 * 20
    model.train()
    taken = 0
    while taken < steps:
        for first in range(0, len(dataset), rows):
            examples = [dataset[row] for row in range(first, min(first + rows, len(dataset)))]
            x, y = (torch.stack(column) for column in zip(*examples, strict=True))
            _, loss = model(x, y)
            assert loss is not None, "targets were given"
            model.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            tokens += int((y >= 0).sum())
            if tokens < warmup:
                share = tokens / warmup
            else:
                share = max(0.1, 0.5 * (1.0 + math.cos(math.pi * (tokens - warmup) / max(1, final_tokens - warmup))))
            for group in optimizer.param_groups:
                group["lr"] = rate * share
            yield loss.item()
            taken += 1
            if taken == steps:
                return


@torch.no_grad()
def answers(model: CourseGPT, corpus: CharCorruption, questions: Sequence[str], most: int = 32) -> list[str]:
    """Greedy answers, one question at a time, the whole sequence again for every character."""
    model.eval()
    given = []
    for question in questions:
        ids = [corpus.stoi[character] for character in question + MASK]
        for _ in range(most):
            logits, _ = model(torch.tensor([ids[-model.block + 1 :]]))
            ids.append(int(logits[0, -1].argmax()))
        given.append("".join(corpus.vocabulary[index] for index in ids).split(MASK)[1])
    return given
