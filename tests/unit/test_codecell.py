"""The code of an answer as the text of a cell; an exception as it is told to a model."""

from __future__ import annotations

import pytest

from nbstream.magics.codecell import cell_text
from nbstream.magics.exception import fenced, redacted


@pytest.mark.parametrize(
    ("blocks", "text", "left_out"),
    [
        ([], "", 0),
        ([("", "a = 1\n")], "a = 1", 0),
        ([("", "out"), ("python", "a = 1\n"), ("py", "\nb = 2\n\n")], "a = 1\n\nb = 2", 1),
        ([("pycon", ">>> a = 1\n>>> a\n1\n>>> if a:\n...     a\n...\n1\n")], "a = 1\na\nif a:\n    a\n", 0),
        ([("bash", "ls\n"), ("sh", "$ pwd\n"), ("text", "/home")], "%%bash\nls\n\npwd", 1),
        ([("js", "alert(1)")], "%%javascript\nalert(1)", 0),
        ([("sql", "select 1;\n\n-- done")], "# sql\n# select 1;\n#\n# -- done", 0),
        ([("python", "")], "", 0),
    ],
)
def test_one_cell_is_made_of_the_blocks_of_one_language(
    blocks: list[tuple[str, str]], text: str, left_out: int
) -> None:
    assert cell_text(blocks) == (text, left_out)


def test_no_control_character_reaches_a_cell_or_a_prompt() -> None:
    text, _ = cell_text([("python", "a = 1\x1b[31m\x00\u202e\r\nb = 2\tc\n")])
    assert text == "a = 1[31m\nb = 2\tc"


def test_nothing_in_a_cell_can_end_the_fence_around_it() -> None:
    assert fenced("````\nx", "python").startswith("`````python\n")


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("requests.get(url, headers={'Authorization': 'Bearer abc-def-ghi'})", "abc-def-ghi"),
        ("api_key = 'k-1'", "k-1"),
        ("MY_KEY = 'k-1'; apikey = 'k-1'; x = dict(accessKey='k-1')", "k-1"),
        ("bot_token_2 = 'k-1'", "k-1"),
        ("myPassword = 'k-1'", "k-1"),
        ('client(password="p-1")', "p-1"),
        ("os.environ['HF_TOKEN'] = 't-1'", "t-1"),
        ('{"client_secret": "s-1"}', "s-1"),
        ("dsn = 'postgres://me:p-1@db/x'", "me:p-1"),
        ("failed: token=abcd1234efgh5678 is expired", "abcd1234efgh5678"),
        ("Basic dXNlcjpwYXNzd29yZA==", "dXNlcjpwYXNzd29yZA"),
        ("the value was 0f9e8d", "0f9e8d"),
        ("sk-abcdefghijklmnopqrst", "abcdefgh"),
    ],
)
def test_keys_are_masked_wherever_they_stand(text: str, hidden: str) -> None:
    assert hidden not in redacted(text, known=["0f9e8d"])


@pytest.mark.parametrize(
    "text",
    [
        "tokens = text.split()",
        "def f(key: str) -> None:",
        "max_tokens=1000",
        "d['key'] = value",
        "monkey = 'ape'",
        "rows.sort(key='name'); sort_key = 'price'",
        "KeyError: 'name'",
    ],
)
def test_code_that_is_not_secret_stays_as_it_is(text: str) -> None:
    assert redacted(text) == text


def test_the_code_of_an_answer_is_that_of_its_cell() -> None:
    from nbstream.messages import Answer

    answer = Answer("Run\n```bash\npip install x\n```\nand\n```python\nimport x\n```\nthen\n```py\nx.y\n```")
    assert answer.code == "import x\n\nx.y\n"
    assert cell_text(answer.blocks) == ("import x\n\nx.y", 1)
    assert len(answer.blocks) == 3, "and all of them are at hand"
