"""Variables of the functions around."""

from tests.corpus.case import different, same

FACTORY = """
def make(rate):
    def inner(x):
        return x * rate
    return inner

f = make(2)
"""
CLOSURES = [
    different("value in a closure", FACTORY, ("make(2)", "make(3)")),
    same("nothing, of a closure", FACTORY),
    same("spelling of what makes the closure", FACTORY, ("make(2)", "make(rate=1 + 1)")),
    different(
        "function in a closure",
        """
        def g(x):
            return x

        def make(h):
            def inner(x):
                return h(x)
            return inner

        f = make(g)
        """,
        ("    return x\n", "    return -x\n"),
    ),
    different(
        "closure in a closure",
        """
        def make(a):
            def middle(b):
                def inner(x):
                    return a + b + x
                return inner
            return middle

        f = make(1)(2)
        """,
        ("make(1)(2)", "make(2)(1)"),
    ),
    different(
        "mutable value in a closure",
        """
        def make(table):
            def inner(x):
                return table[x]
            return inner

        f = make({2: 'a'})
        """,
        ("'a'", "'b'"),
    ),
    different(
        "variable set by a sibling",
        """
        def make():
            n = 0
            def inner(x):
                return n
            def set_to(m):
                nonlocal n
                n = m
            return inner, set_to

        f, set_to = make()
        set_to(1)
        """,
        ("set_to(1)", "set_to(2)"),
    ),
    same(
        "a variable around that is not read",
        """
        def make():
            unused = 1
            rate = 2
            def inner(x):
                return x * rate
            return inner

        f = make()
        """,
        ("unused = 1", "unused = 2"),
    ),
    different(
        "lambda in a loop",
        "fs = [lambda x, i=i: x + i for i in range(3)]\nf = fs[1]\n",
        ("fs[1]", "fs[2]"),
    ),
    different(
        "partial",
        """
        from functools import partial

        def g(rate, x):
            return rate * x

        h = partial(g, 2)

        def f(x):
            return h(x)
        """,
        ("(g, 2)", "(g, 3)"),
    ),
    different(
        "function of a partial",
        """
        from functools import partial

        def g(rate, x):
            return rate * x

        h = partial(g, 2)

        def f(x):
            return h(x)
        """,
        ("rate * x", "rate + x"),
    ),
]
