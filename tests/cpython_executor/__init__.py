"""CPython's own tests of `concurrent.futures`, run against `elsewhere.Pool`.

    python -m tests.cpython_executor

`suite` finds and loads them, `adapter` puts the pool where they expect CPython's executors, `skips`
lists every test that is not run, with the reason, and `run` runs the others.
"""
