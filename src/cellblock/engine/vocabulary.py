"""What the prompt tells of each function of the host that a cell may call, and the other names that models have learned for them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Told:
    """A line or two for the prompt."""

    full: str
    short: str
    """For the compact form."""


CALLS: dict[str, Told] = {
    "llm_query": Told(
        "- llm_query(prompt, model=None, max_tokens=None): asks a language model once and returns its text. It sees the prompt alone.",
        "- llm_query(prompt) -> str asks a language model, which sees the prompt alone.",
    ),
    "llm_query_batched": Told(
        '- llm_query_batched(prompts): the same for a list, in parallel, answers in order. A failed item starts with "ERROR:".',
        '- llm_query_batched(prompts) -> [str] does so in parallel; a failed item starts with "ERROR:".',
    ),
    "llm_query_json": Told(
        "- llm_query_json(prompt, schema=None): one call, answered in JSON, as data. schema: a JSON Schema, or short such as "
        '{"name": "str", "tags": "list[str]"}. ValueError if the answer does not fit after one repair.',
        '- llm_query_json(prompt, schema=None) -> data; schema is a JSON Schema or short: {"name": "str"}.',
    ),
    "llm_query_json_batched": Told(
        '- llm_query_json_batched(prompts, schema=None): the same for a list, in parallel. A failed item is {"error": "ERROR: ..."}.',
        '- llm_query_json_batched(prompts, schema=None) -> [data]; a failed item is {"error": "ERROR: ..."}.',
    ),
    "rlm_query": Told(
        "- rlm_query(prompt, context=None): a child run with a REPL of its own. context is a text or a list of texts; None shares yours.",
        "- rlm_query(prompt, context=None) -> answer of a child run with a REPL of its own; None shares your context.",
    ),
    "rlm_query_batched": Told(
        "- rlm_query_batched(prompts, contexts=None): child runs in parallel, answers in order; contexts has one for each prompt. "
        'A failed item is a text that starts with "ERROR:".',
        '- rlm_query_batched(prompts, contexts=None) -> [answer] in parallel; a failed item starts with "ERROR:".',
    ),
    "ask": Told(
        "- ask(question, text): a short answer from that text alone, by a language model; NO_ANSWER if it is not in there.",
        "- ask(question, text) -> short answer from that text, or NO_ANSWER.",
    ),
    "ask_chunks": Told(
        "- ask_chunks(question, chunks, parallel=True): the same of each chunk, answers in order. chunks: texts, or what ctx.chunk gives.",
        "- ask_chunks(question, chunks) -> [answer], one for each text or ctx.chunk(...) item.",
    ),
    "ask_chunks_first": Told(
        "- ask_chunks_first(question, chunks): the first answer in the order of chunks; stops asking once there is one.",
        "- ask_chunks_first(question, chunks) -> the first answer, stopping there.",
    ),
    "pick_first_answer": Told(
        "- pick_first_answer(answers): the first that is neither NO_ANSWER nor an error, without a call.",
        "- pick_first_answer(answers) -> the first that is neither NO_ANSWER nor an error.",
    ),
}
"""In the order of the prompt."""
OBJECTS: dict[str, Told] = {
    "vfs__read": Told(
        "- vfs: files of this run alone, with the folders /plans, /evidence, /artifacts and /scores. vfs.write(path, text), "
        'vfs.append(path, text), vfs.read(path), vfs.list(path="/"), vfs.exists(path), vfs.delete(path). '
        "A child run reads yours and writes its own.",
        "- vfs.write/append(path, text), vfs.read/list/exists/delete(path): files of this run, in /plans /evidence /artifacts /scores.",
    ),
    "fork__run": Told(
        '- checkpoint.create("label") -> id: variables and files as they are when this cell has ended; checkpoint.restore(id) goes back.\n'
        '- To try several ways from there, in a later cell: fork.create(id, "a"), then fork.run("a", code), or in parallel '
        'fork.run_all({"a": code, "b": code}) -> for each a dict of output, value, error, final, changed; fork.score(name, number); '
        'vfs.diff(name); strategy.commit(name, "why") makes that fork\'s variables and files yours and drops the others.',
        "- checkpoint.create(label) -> id, checkpoint.restore(id); in a later cell fork.create(id, name), "
        "fork.run_all({name: code}) -> {name: dict}, fork.score(name, number), strategy.commit(name, why).",
    ),
}
"""The same of objects: by one of the functions that are their methods."""
ALIASES: dict[str, str] = {
    "llm_query_batch": "llm_query_batched",
    "llm_batch": "llm_query_batched",
    "llm_batch_json": "llm_query_json_batched",
    "llm_query_records": "llm_query_json_batched",
    "ask_chunk": "ask",
    **{
        name.replace("__", "_").upper(): name
        for name in (
            "vfs__read",
            "vfs__write",
            "vfs__list",
            "checkpoint__create",
            "checkpoint__restore",
            "checkpoint__list",
            "fork__create",
            "fork__switch",
            "fork__list",
            "fork__run",
            "fork__score",
            "strategy__commit",
            "strategy__status",
        )
    },
}
"""Names that models have learned elsewhere, and what is meant by them. They work, and are not told."""
_OBJECTS = {"P", "context", "history", "CONTEXT", "ctx", "FILES", "answer", "NO_ANSWER", "vfs", "checkpoint", "fork", "strategy", "search"}
_HELPERS = {"peek", "tail", "lenP", "extract_after", "SHOW_VARS", "FINAL", "FINAL_VAR", "SUBMIT"}
_SEARCHES = {"es_search", "es_vector_search", "es_hybrid_search", "es_get"}
_MODULES = {"collections", "datetime", "functools", "itertools", "json", "math", "random", "re", "time"}
NAMES = frozenset(CALLS) | frozenset(ALIASES) | _OBJECTS | _HELPERS | _SEARCHES | _MODULES
"""What a cell finds, or may find with other settings: no tool takes such a name."""
