"""Whatever else Python has."""

from tests.corpus.case import different, refused, same

FURTHER = [
    different(
        "names that a module lists",
        {
            "helpers.py": "__all__=['g']\ndef g(x):\n    return x\n",
            "task.py": "from helpers import *\ndef f(x):\n    return g(x)\n",
        },
        ("helpers.py", "return x", "return -x"),
    ),
    different(
        "import inside with something to fall back on",
        {
            "helpers.py": "def g(x):\n    return x\n",
            "task.py": "def f(x):\n    try:\n        from nothere import g\n    except ImportError:\n        from helpers import g\n    return g(x)\n",
        },
        ("helpers.py", "return x", "return -x"),
    ),
    different(
        "import in a nested function",
        {
            "helpers.py": "def g(x):\n    return x\n",
            "task.py": "def f(x):\n    def inner():\n        import helpers as q\n        return q.g(x)\n    return inner()\n",
        },
        ("helpers.py", "return x", "return -x"),
    ),
    different(
        "import in a class inside",
        {
            "helpers.py": "def g(x):\n    return x\n",
            "task.py": "def f(x):\n    class K:\n        import helpers\n        y = helpers.g(x)\n    return K.y\n",
        },
        ("helpers.py", "return x", "return -x"),
    ),
    different(
        "dotted import inside",
        {
            "pkg/__init__.py": "",
            "pkg/a.py": "def g(x):\n    return x\n",
            "task.py": "def f(x):\n    import pkg.a\n    return pkg.a.g(x)\n",
        },
        ("pkg/a.py", "return x", "return -x"),
    ),
    different(
        "import below its use in a loop",
        {
            "helpers.py": "def g(x):\n    return x\n",
            "task.py": "def f(x):\n    for i in range(2):\n        if i:\n            return helpers.g(x)\n        import helpers\n",
        },
        ("helpers.py", "return x", "return -x"),
    ),
    different(
        "import into a global",
        {
            "helpers.py": "def g(x):\n    return x\n",
            "task.py": "def f(x):\n    global helpers\n    import helpers\n    return helpers.g(x)\n",
        },
        ("helpers.py", "return x", "return -x"),
    ),
    different(
        "match statement",
        "K=1\nclass P:\n    __match_args__=('a',)\n    def __init__(s,a): s.a=a\ndef f(x):\n    match P(x):\n        case P(2):\n            return K\n",
        ("K=1", "K=2"),
    ),
    different(
        "positions of a pattern",
        "class P:\n    __match_args__=('a',)\n    def __init__(s,a): s.a=a;s.b=1\ndef f(x):\n    match P(x):\n        case P(2):\n            return 1\n",
        ("('a',)", "('b',)"),
    ),
    different("format of a text", "def f(x):\n    return f'{x:>10}'\n", (">10", ">11")),
    different("assignment expression", "K=3\ndef f(x):\n    return (y:=K)+y\n", ("K=3", "K=4")),
    different(
        "decorator inside a function",
        "def d(g):\n    return g\ndef f(x):\n    @d\n    def h(): return x\n    return h()\n",
        ("    return g\n", "    return lambda: 5\n"),
    ),
    different(
        "class of an exception",
        "class E(Exception):\n    code=1\ndef f(x):\n    try:\n        raise E\n    except E as e:\n        return e.code\n",
        ("code=1", "code=2"),
    ),
    different(
        "value of a named tuple",
        "from collections import namedtuple\nP=namedtuple('P','a b')\np=P(1,2)\ndef f(x):\n    return p\n",
        ("P(1,2)", "P(1,3)"),
    ),
    different(
        "fields of a named tuple",
        "from collections import namedtuple\nP=namedtuple('P','a b')\ndef f(x):\n    return P(1,2).a\n",
        ("'a b'", "'b a'"),
    ),
    same(
        "nothing, of a named tuple",
        "from collections import namedtuple\nP=namedtuple('P','a b')\ndef f(x):\n    return P(1,2).a\n",
    ),
    same(
        "nothing, of a data class with all options",
        "from dataclasses import dataclass\n@dataclass(frozen=True,slots=True,order=True)\nclass D:\n    a: int\n    b: 'str' = 'x'\ndef f(x):\n    return D(x)\n",
    ),
    different(
        "option of a data class",
        "from dataclasses import dataclass\n@dataclass(frozen=True)\nclass D:\n    a: int\ndef f(x):\n    return D(x)\n",
        ("(frozen=True)", "(frozen=False)"),
    ),
    different(
        "order of fields",
        "from dataclasses import dataclass\n@dataclass\nclass D:\n    a: int\n    b: int\ndef f(x):\n    return D(x,1)\n",
        ("    a: int\n    b: int", "    b: int\n    a: int"),
    ),
    different(
        "field that becomes an attribute of the class",
        "from dataclasses import dataclass\nfrom typing import ClassVar\n@dataclass\nclass D:\n    a: int = 1\n    b: int = 2\ndef f(x):\n    return D(x)\n",
        ("b: int", "b: ClassVar[int]"),
    ),
    different(
        "what runs after the fields are set",
        "from dataclasses import dataclass\n@dataclass\nclass D:\n    a: int\n    def __post_init__(self):\n        self.a+=1\ndef f(x):\n    return D(x)\n",
        ("+=1", "+=2"),
    ),
    different(
        "generic class",
        "from typing import Generic,TypeVar\nT=TypeVar('T')\nclass G(Generic[T]):\n    r=1\ndef f(x):\n    return G[int]().r\n",
        ("r=1", "r=2"),
    ),
    same(
        "nothing, of generic classes and protocols",
        "from typing import Generic,TypeVar,Protocol\nT=TypeVar('T')\nclass G(Generic[T]):\n    r=1\nclass Q(Protocol):\n    def m(self)->int: ...\ndef f(x):\n    return G[int]().r, Q\n",
    ),
    different(
        "method that was abstract",
        "from abc import ABC,abstractmethod\nclass A(ABC):\n    @abstractmethod\n    def g(self): ...\nclass B(A):\n    def g(self): return 1\ndef f(x):\n    return B().g()\n",
        ("return 1", "return 2"),
    ),
    same(
        "nothing, of an abstract class",
        "from abc import ABC,abstractmethod\nclass A(ABC):\n    @abstractmethod\n    def g(self): ...\nclass B(A):\n    def g(self): return 1\ndef f(x):\n    return B().g()\n",
    ),
    different(
        "function that an object has registered",
        "class Reg:\n    def __init__(self): self.d={}\n    def reg(self,g):\n        self.d[g.__name__]=g\n        return g\nR=Reg()\n@R.reg\ndef g(x):\n    return x\ndef f(x):\n    return R.d['g'](x)\n",
        ("def g(x):\n    return x", "def g(x):\n    return -x"),
    ),
    different(
        "method called by its name",
        "import operator\nclass A:\n    def g(self): return 1\nm=operator.methodcaller('g')\ndef f(x):\n    return m(A())\n",
        ("return 1", "return 2"),
    ),
    different(
        "what a getter gets",
        "import operator\nm=operator.itemgetter(0)\ndef f(x):\n    return m([1,2])\n",
        ("(0)", "(1)"),
    ),
    different(
        "function given to reduce",
        "from functools import reduce\ndef g(a,b): return a+b\ndef f(x):\n    return reduce(g,range(x))\n",
        ("a+b", "a*b+b"),
    ),
    different(
        "function given to cmp_to_key",
        "from functools import cmp_to_key\ndef g(a,b): return a-b\ndef f(x):\n    return sorted([1,2],key=cmp_to_key(g))\n",
        ("a-b", "b-a"),
    ),
    different(
        "partial method",
        "from functools import partialmethod\nclass A:\n    def g(self,r): return r\n    h=partialmethod(g,1)\ndef f(x):\n    return A().h()\n",
        ("(g,1)", "(g,2)"),
    ),
    different(
        "class under total_ordering",
        "from functools import total_ordering\n@total_ordering\nclass A:\n    def __init__(s,v): s.v=v\n    def __eq__(s,o): return s.v==o.v\n    def __lt__(s,o): return s.v<o.v\ndef f(x):\n    return A(1)>A(2)\n",
        ("s.v<o.v", "s.v>o.v"),
    ),
    same(
        "nothing, of a class under total_ordering",
        "from functools import total_ordering\n@total_ordering\nclass A:\n    def __init__(s,v): s.v=v\n    def __eq__(s,o): return s.v==o.v\n    def __lt__(s,o): return s.v<o.v\ndef f(x):\n    return A(1)>A(2)\n",
    ),
    different(
        "order of automatic members",
        "import enum\nclass C(enum.Enum):\n    A=enum.auto()\n    B=enum.auto()\ndef f(x):\n    return C.A.value\n",
        ("    A=enum.auto()\n    B=enum.auto()", "    B=enum.auto()\n    A=enum.auto()"),
    ),
    different(
        "value of a flag",
        "import enum\nclass C(enum.Flag):\n    A=1\n    B=2\ndef f(x):\n    return C.A|C.B\n",
        ("B=2", "B=4"),
    ),
    different(
        "initializer of an enum",
        "import enum\nclass C(enum.Enum):\n    A=(1,2)\n    def __init__(self,a,b): self.s=a+b\ndef f(x):\n    return C.A.s\n",
        ("a+b", "a*b"),
    ),
    different(
        "implementation of a method by type",
        "from functools import singledispatchmethod\nclass A:\n    @singledispatchmethod\n    def g(self,x): return 0\n    @g.register\n    def _(self,x:int): return 1\ndef f(x):\n    return A().g(x)\n",
        ("return 1", "return 2"),
    ),
    different(
        "function under two decorators",
        "import functools\ndef d(g):\n    @functools.wraps(g)\n    def w(*a): return g(*a)\n    return w\n@functools.lru_cache\n@d\ndef g(x): return x\ndef f(x):\n    return g(x)\n",
        ("def g(x): return x", "def g(x): return -x"),
    ),
    same(
        "comment in a dict",
        "D={\n  'a':1,\n}\ndef f(x):\n    return D\n",
        ("'a':1,", "'a':1, # hi"),
    ),
    different(
        "constant beside a logger",
        "LEVEL=1\nimport logging\nlog=logging.getLogger(__name__)\ndef f(x):\n    log.info(x)\n    return LEVEL\n",
        ("LEVEL=1", "LEVEL=2"),
    ),
    same(
        "nothing, with a logger",
        "import logging\nlog=logging.getLogger(__name__)\ndef f(x):\n    log.info(x)\n    return x\n",
    ),
    different(
        "class in a cast",
        "from typing import cast\nclass A:\n    v=1\ndef f(x):\n    return cast('A',A()).v\n",
        ("v=1", "v=2"),
    ),
    same(
        "class that stands in annotations alone",
        "from __future__ import annotations\nclass A:\n    v=1\ndef f(x: A) -> A:\n    y: A\n    return x\n",
        ("v=1", "v=2"),
    ),
    different(
        "branches change places",
        "def f(x):\n    return 1 if x else 2\n",
        ("1 if x else 2", "2 if x else 1"),
    ),
    same(
        "layout of asynchronous code",
        "async def g(x):\n    async with x as y:\n        return await y\ndef f(x):\n    return g\n",
        ("        return await y", "\n        # c\n        return (await y)"),
    ),
    different(
        "a global that hid a builtin goes",
        "def max(a): return 5\ndef f(x):\n    return max(x,1)\n",
        ("def max(a): return 5\n", ""),
    ),
    different(
        "class of an object",
        "class A:\n    r=1\nclass B:\n    r=1\na=A()\ndef f(x):\n    return type(a).__name__\n",
        ("a=A()", "a=B()"),
    ),
    different(
        "aliases change places",
        {
            "h1.py": "def g(x):\n    return 1\n",
            "h2.py": "def g(x):\n    return 2\n",
            "task.py": "import h1 as a, h2 as b\ndef f(x):\n    return a.g(x)-b.g(x)*2\n",
        },
        ("import h1 as a, h2 as b", "import h2 as a, h1 as b"),
    ),
    different(
        "constant read by a class method",
        "class A:\n    K=1\n    @classmethod\n    def g(cls): return cls.K\ndef f(x):\n    return A.g()\n",
        ("K=1", "K=2"),
    ),
    different(
        "constant of a class through an object",
        "class A:\n    K=1\na=A()\ndef f(x):\n    return a.K\n",
        ("K=1", "K=2"),
    ),
    different(
        "constant of a class in a class",
        "class A:\n    class B:\n        K=1\ndef f(x):\n    return A.B.K\n",
        ("K=1", "K=2"),
    ),
    different(
        "method of a constant of a class",
        "class A:\n    K='abc'\ndef f(x):\n    return A.K.upper()\n",
        ("'abc'", "'abd'"),
    ),
    different(
        "property of a metaclass",
        "class M(type):\n    @property\n    def K(cls): return 1\nclass A(metaclass=M):\n    pass\ndef f(x):\n    return A.K\n",
        ("return 1", "return 2"),
    ),
    different(
        "attribute of an object by a name made up",
        "class A:\n    def g(self): return 1\ndef f(x):\n    return getattr(A(),'g'.lower())()\n",
        ("return 1", "return 2"),
    ),
    different(
        "lambdas in a dict",
        "T={n:(lambda x,n=n:x+n) for n in range(3)}\ndef f(x):\n    return T[1](x)\n",
        ("x+n", "x-n"),
    ),
    refused(
        "module given to a helper",
        {
            "helpers.py": "def g(x):\n    return x\n",
            "task.py": "import helpers\ndef h(m):\n    return m.g(1)\ndef f(x):\n    return h(helpers)\n",
        },
        ("helpers.py", "return x", "return -x"),
    ),
    refused(
        "module given to a getter",
        {
            "helpers.py": "def g(x):\n    return x\n",
            "task.py": "import helpers,operator\ndef f(x):\n    return operator.attrgetter('g')(helpers)(x)\n",
        },
        ("helpers.py", "return x", "return -x"),
    ),
    refused(
        "module in a list",
        {
            "helpers.py": "def g(x):\n    return x\n",
            "task.py": "import helpers\nL=[helpers]\ndef f(x):\n    return L[0].g(x)\n",
        },
        ("helpers.py", "return x", "return -x"),
    ),
    refused(
        "module imported inside under another name",
        {
            "helpers.py": "def g(x):\n    return x\n",
            "task.py": "def f(x):\n    import helpers\n    h=helpers\n    return h.g(x)\n",
        },
        ("helpers.py", "return x", "return -x"),
    ),
    refused(
        "module in an object",
        {
            "helpers.py": "def g(x):\n    return x\n",
            "task.py": "import helpers\nclass A: pass\na=A()\na.m=helpers\ndef f(x):\n    return a.m.g(x)\n",
        },
        ("helpers.py", "return x", "return -x"),
    ),
    refused(
        "module in a class",
        {
            "helpers.py": "def g(x):\n    return x\n",
            "task.py": "import helpers\nclass A:\n    m=helpers\ndef f(x):\n    return A.m.g(x)\n",
        },
        ("helpers.py", "return x", "return -x"),
    ),
    refused(
        "module of a package under another name",
        {
            "pkg/__init__.py": "",
            "pkg/a.py": "def g(x):\n    return x\n",
            "task.py": "import pkg.a\ndef f(x):\n    m=pkg.a\n    return m.g(x)\n",
        },
        ("pkg/a.py", "return x", "return -x"),
    ),
    refused(
        "one of two modules",
        {
            "h1.py": "def g(x):\n    return x\n",
            "h2.py": "def g(x):\n    return 1\n",
            "task.py": "import h1,h2\ndef f(x):\n    m = h1 if x else h2\n    return m.g(x)\n",
        },
        ("h1.py", "return x", "return -x"),
    ),
    refused(
        "module in a closure",
        {
            "h1.py": "def g(x):\n    return x\n",
            "task.py": "import h1\ndef mk(m):\n    def f(x):\n        n = m\n        return n.g(x)\n    return f\nf=mk(h1)\n",
        },
        ("h1.py", "return x", "return -x"),
    ),
    different(
        "name of a module in a closure",
        {
            "h1.py": "def g(x):\n    return x\n",
            "task.py": "import h1\ndef mk(m):\n    def f(x):\n        return m.g(x)\n    return f\nf=mk(h1)\n",
        },
        ("h1.py", "return x", "return -x"),
    ),
    refused(
        "module as a default",
        {
            "h1.py": "def g(x):\n    return x\n",
            "task.py": "import h1\ndef f(x,m=h1):\n    return m.g(x)\n",
        },
        ("h1.py", "return x", "return -x"),
    ),
    refused(
        "frame",
        "import inspect\nK=1\ndef f(x):\n    return inspect.currentframe().f_globals['K']\n",
        ("K=1", "K=2"),
    ),
    refused(
        "eval in a partial",
        "import functools\nK=1\ne=functools.partial(eval,'K')\ndef f(x):\n    return e()\n",
        ("K=1", "K=2"),
    ),
    refused(
        "eval by its module",
        "import builtins\nK=1\ndef f(x):\n    return builtins.eval('K')\n",
        ("K=1", "K=2"),
    ),
    refused(
        "globals of a function", "K=1\ndef f(x):\n    return f.__globals__['K']\n", ("K=1", "K=2")
    ),
    refused(
        "globals of a function by getattr",
        "K=1\ndef f(x):\n    return getattr(f,'__glo'+'bals__')['K']\n",
        ("K=1", "K=2"),
    ),
    refused(
        "table of modules by getattr",
        "import sys\nK=1\ndef f(x):\n    return getattr(sys,'modules')['task'].K\n",
        ("K=1", "K=2"),
    ),
    refused(
        "table of modules by from import",
        "from sys import modules\nK=1\ndef f(x):\n    return modules['task'].K\n",
        ("K=1", "K=2"),
    ),
    refused(
        "names of the module itself",
        "K=1\ndef f(x):\n    import task\n    return vars(task)['K']\n",
        ("K=1", "K=2"),
    ),
    different(
        "name of the module itself",
        "K=1\ndef f(x):\n    import task\n    return task.K\n",
        ("K=1", "K=2"),
    ),
    refused(
        "thread local",
        "import threading\nL=threading.local()\nL.k=1\ndef f(x):\n    return L.k+1\n",
        ("+1", "+2"),
    ),
    refused(
        "context variable",
        "import contextvars\nV=contextvars.ContextVar('V',default=1)\ndef f(x):\n    return V.get()+1\n",
        ("+1", "+2"),
    ),
    refused(
        "globals of a function by a format",
        "class A:\n    pass\nK=1\ndef f(x):\n    return '{0.__globals__[K]}'.format(f)\n",
        ("K=1", "K=2"),
    ),
]
