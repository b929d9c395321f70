"""`cellblock chat` as somebody has it who types."""

import pytest

from .terminals import CTRL_C, CTRL_D, UP, on_a_terminal

QUESTION = "How many lines contain 'needle'?"


@pytest.fixture
def corpus(tmp_path):
    """Two small files."""
    folder = tmp_path / "corpus"
    folder.mkdir()
    (folder / "a.txt").write_text("hay\nneedle\n")
    (folder / "b.txt").write_text("needle\n")
    return folder


@pytest.fixture
def chat(home, tmp_path):
    """A chat on a terminal."""

    def begin(*words, **options):
        return on_a_terminal(home, "chat", "-m", "simulated", *words, cwd=tmp_path, **options)

    return begin


def test_a_question_is_typed_and_answered_and_ctrl_d_leaves(chat, corpus, cellblock):
    with chat("--thread", "lease", "-c", "corpus") as terminal:
        terminal.expect("2 documents added")
        terminal.expect("Thread lease is new: 2 documents.")
        terminal.expect("lease> ")
        terminal.type(QUESTION + "\r")
        terminal.expect("\n2\r\n")
        terminal.expect("lease> ")
        terminal.type(CTRL_D)
        assert terminal.ended() == 0
    assert "Q: How many lines contain 'needle'?\nA: 2" in cellblock("threads", "show", "lease").stdout


def test_the_live_view_stands_while_a_question_is_answered(home, corpus, tmp_path):
    with on_a_terminal(home, "chat", "-c", "corpus", "-m", "simulated:latency_seconds=0.3", cwd=tmp_path) as terminal:
        terminal.expect("This conversation is not kept; --thread NAME keeps one.")
        terminal.expect("> ")
        terminal.type(QUESTION + "\r")
        terminal.expect("asking simulated")
        terminal.expect("\n2\r\n")
        # The live view hides the cursor; whoever types next must see it.
        assert terminal.shown.rfind("\x1b[?25h") > terminal.shown.rfind("\x1b[?25l")


def test_ctrl_c_interrupts_the_question_and_keeps_the_chat(home, corpus, tmp_path):
    with on_a_terminal(home, "chat", "--thread", "lease", "-c", "corpus", "-m", "simulated:latency_seconds=1", cwd=tmp_path) as terminal:
        terminal.expect("lease> ")
        terminal.type(QUESTION + "\r")
        terminal.expect("asking simulated")
        terminal.type(CTRL_C)
        terminal.expect("interrupted\r\nthe last question was cut off: cellblock resume 20")
        terminal.expect("lease> ")
        terminal.type("/history\r")
        terminal.expect("no question yet")
        terminal.type(QUESTION + "\r")
        terminal.expect("\n2\r\n")
        terminal.expect("lease> ")
        terminal.type("/quit\r")
        assert terminal.ended() == 0
        assert "Traceback" not in terminal.shown


def test_ctrl_c_at_the_prompt_gives_up_the_line_and_no_more(chat, corpus):
    with chat("-c", "corpus") as terminal:
        terminal.expect("> ")
        terminal.type("half a ques")
        terminal.expect("half a ques")
        terminal.rests()  # a signal that comes before the line editor waits is seen with the next key alone
        terminal.type(CTRL_C)
        terminal.expect("Ctrl-D leaves")
        terminal.expect("> ")
        terminal.type("/files\r")
        terminal.expect("11  corpus/a.txt")
        terminal.expect("\n> ")
        terminal.type(CTRL_D)
        assert terminal.ended() == 0


def test_the_commands_do_what_the_help_says(chat, corpus):
    with chat("--thread", "lease") as terminal:
        terminal.expect("There is no document yet: /add PATH reads some.")
        for typed, shown in [
            ("/help", "/add PATH…"),
            ("/files", "no document yet"),
            ("a question", "cellblock: thread 'lease' has no document yet"),
            ("/add corpus/a.txt 'corpus/b*'", "2 documents added"),
            ("/add corpus", "0 documents added, 2 there already"),
            ("/add", "/add PATH: a file, a folder or a glob is needed"),
            ("/add 'corpus", "/add: No closing quotation"),
            ("/add nothing", "cellblock: nothing: no such file or directory"),
            ("/add -", "/add -: standard input has the questions"),
            ("/files", "corpus/b.txt"),
            ("/vars", "no variable yet"),
            (QUESTION, "\n2\r\n"),
            ("/vars", "hits: list of 2"),
            ("/history", "> How many lines contain 'needle'?\r\n2"),
            ("/etc/passwd", "there is no command /etc/passwd; /help lists them"),
        ]:
            terminal.expect("lease> ")
            terminal.type(typed + "\r")
            terminal.expect(shown)
        terminal.expect("lease> ")
        terminal.type("/quit\r")
        assert terminal.ended() == 0


def test_without_a_thread_documents_and_variables_are_there_as_well(chat, corpus):
    with chat("-c", "corpus/a.txt") as terminal:
        for typed, shown in [
            ("/vars", "no variable yet"),
            (QUESTION, "\n1\r\n"),
            ("/vars", "hits: list of 1"),
            ("/add corpus/b.txt", "1 document added"),
            (QUESTION, "\n2\r\n"),
            ("/files", "7  corpus/b.txt"),
        ]:
            terminal.expect("\n> ")
            terminal.type(typed + "\r")
            terminal.expect(shown)
        terminal.expect("\n> ")
        terminal.type(CTRL_D)
        assert terminal.ended() == 0


def test_the_questions_of_an_earlier_chat_come_back_with_the_arrow_keys(chat, corpus, cellblock):
    assert cellblock("chat", "--thread", "lease", "-c", "corpus", "-m", "simulated", "-q", stdin=QUESTION + "\n").stdout == "2\n"
    with chat("--thread", "lease") as terminal:
        terminal.expect("Thread lease: 1 question so far, 2 documents.")
        terminal.expect("lease> ")
        terminal.type(UP)
        terminal.expect(QUESTION)
        terminal.type("\r")
        terminal.expect("\n2\r\n")
        terminal.expect("lease> ")
        terminal.type(CTRL_D)
        assert terminal.ended() == 0


HOSTILE = "[bold]x[/] %s"


def test_nothing_in_a_name_or_a_file_steers_the_terminal(chat, tmp_path):
    (tmp_path / "\x1b]0;pwned\x07[red].txt").write_text("needle\n")
    with chat("--thread", HOSTILE) as terminal:
        terminal.expect(f"{HOSTILE}> ")
        terminal.type("/add *.txt\r")
        terminal.expect("1 document added")
        terminal.type("/files\r")
        terminal.expect(r"\x1b]0;pwned\x07[red].txt")
        terminal.expect(f"{HOSTILE}> ")  # what is typed before it is the terminal's to read, and has another Ctrl-V
        terminal.type("/add \\\x16\x1b[2J\x16\x07\r")  # typed by Ctrl-V, as it takes to type them at all
        terminal.expect(r"\x1b[2J\x07: no file matches")
        terminal.expect("> ")
        terminal.type(CTRL_D)
        assert terminal.ended() == 0
        assert "\x1b]0;" not in terminal.shown
