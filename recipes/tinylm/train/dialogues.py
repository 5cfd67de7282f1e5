"""Questions and answers cut from documentation and source text.

A dialogue is a list of turns ``{"role": ..., "content": ...}``. The phrasing of a question is
chosen from the text it is about, so the same corpus always gives the same dialogues.
"""

import ast
import itertools
import json
import re
import textwrap
import zlib
from collections.abc import Iterator
from pathlib import Path

import yaml

Turns = list[dict[str, str]]

LONGEST_ANSWER = 900  # characters
MOST_CODE_LINES = 40
SMALLTALK_REPEATS = 20
ABOUT = ["What does `{}` do?", "Explain `{}`.", "How do I use `{}`?", "What is `{}`?"]
SECTION = ["Tell me about {}.", "Explain {}.", "What should I know about {}?"]
WRITE = ["Write a Python function: {}", "Write `{}` in Python.", "Show me code: {}"]
AS_JSON = ["Describe `{}` as JSON.", "Give me `{}` in JSON format."]
SYSTEM = ["You are a helpful assistant.", "You are a helpful assistant. Answer briefly."]

DIRECTIVE = re.compile(
    r"^\.\. (?:function|method|class|exception|data|attribute|cfunction|c:function)::[ \t]+(.+)\n"
    r"((?:[ \t]+.*\n|\n)+)", re.M)  # fmt: skip
RST_HEADING = re.compile(r"^(\S.{2,70})\n([=\-~^*\"'])\2{2,}\n+", re.M)
MD_HEADING = re.compile(r"^#{1,4} +(.{3,70})\n+", re.M)
ROLE = re.compile(r":[a-z:]+:`[~!]?([^`<]+?)(?: *<[^`]*>)?`")


def pick(choices: list[str], about: str) -> str:
    """Return one of the choices, always the same for the same text."""
    return choices[zlib.crc32(about.encode()) % len(choices)]


def plain(text: str) -> str:
    """Turn reStructuredText roles and literals into Markdown's backticks."""
    text = ROLE.sub(r"`\1`", text).replace("``", "`")
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def turns(question: str, answer: str) -> Turns:
    """Return one question and its answer; every fourth begins with a system message."""
    system = [{"role": "system", "content": pick(SYSTEM, answer)}]
    said = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    return (system if zlib.crc32(question.encode()) % 4 == 0 else []) + said


def first_paragraphs(body: str) -> str:
    """Return the leading paragraphs that fit an answer, up to the next directive or heading."""
    kept: list[str] = []
    for paragraph in re.split(r"\n{2,}", body.strip("\n")):
        too_long = sum(map(len, kept)) + len(paragraph) > LONGEST_ANSWER
        if too_long or paragraph.lstrip().startswith((".. ", "#", "<", "|", "+-", "!!!", "--")):
            break
        kept.append(paragraph)
    return plain(textwrap.dedent("\n\n".join(kept)))


def from_directives(text: str) -> Iterator[Turns]:
    """Yield what the documentation says about each function and class it names."""
    for match in DIRECTIVE.finditer(text):
        answer = first_paragraphs(textwrap.dedent(match[2]))
        name = match[1].split("(")[0].strip()
        if len(answer) >= 40:
            yield turns(pick(ABOUT, answer).format(name), answer)


def from_sections(text: str, heading: re.Pattern[str]) -> Iterator[Turns]:
    """Yield the beginning of each section as the answer to a question about its title."""
    found = list(heading.finditer(text))
    ends = [*(match.start() for match in found[1:]), len(text)]
    for match, end in zip(found, ends, strict=False):  # no heading leaves one end over
        answer = first_paragraphs(text[match.end() : end])
        if len(answer) >= 60:
            yield turns(pick(SECTION, answer).format(plain(match[1])), answer)


def function_json(node: ast.FunctionDef, summary: str) -> str:
    """Return what is known of a function as one JSON object."""
    arguments = [argument.arg for argument in node.args.args if argument.arg != "self"]
    return json.dumps({"name": node.name, "arguments": arguments, "summary": summary})


def from_function(node: ast.FunctionDef, text: str) -> Iterator[Turns]:
    """Yield dialogues about one documented function."""
    document = ast.get_docstring(node) or ""
    summary = " ".join(document.split("\n\n")[0].split())
    if not 20 <= len(summary) <= 300:
        return
    yield turns(pick(ABOUT, summary).format(node.name), plain(document)[:LONGEST_ANSWER])
    yield turns(pick(AS_JSON, summary).format(node.name), function_json(node, summary))
    code = textwrap.dedent(ast.get_source_segment(text, node, padded=True) or "")
    if 3 <= code.count("\n") <= MOST_CODE_LINES:
        asked = pick(WRITE, code)
        about = node.name if "`" in asked else summary
        yield turns(asked.format(about), f"```python\n{code}\n```")


def from_code(text: str) -> Iterator[Turns]:
    """Yield dialogues about each documented function of a Python file."""
    try:
        tree = ast.parse(text)
    except SyntaxError:  # templates and code for other versions are in the library too
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            yield from from_function(node, text)


def dialogues_of(kind: str, text: str) -> Iterator[Turns]:
    """Yield the dialogues of one document; every third pair becomes one longer dialogue."""
    if kind == "python":
        single = from_code(text)
    elif kind == "rst":
        single = itertools.chain(from_directives(text), from_sections(text, RST_HEADING))
    else:
        single = from_sections(text, MD_HEADING)
    for one in single:
        two = next(single, None) if zlib.crc32(one[-1]["content"].encode()) % 3 == 0 else None
        yield one + [turn for turn in two or [] if turn["role"] != "system"]


def smalltalk() -> list[Turns]:
    """Return the greetings, each many times."""
    text = Path(__file__).with_name("smalltalk.yaml").read_text(encoding="utf-8")
    return [
        turns(question, answer) for question, answer in yaml.safe_load(text)
    ] * SMALLTALK_REPEATS
