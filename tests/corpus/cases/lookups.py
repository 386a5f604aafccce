"""What finds things by names that are made up at run time: refused, because nothing can follow it."""

from tests.corpus.case import refused

HELPER = "def g(x):\n    return x\n\n"
EDIT = ("def g(x):\n    return x\n", "def g(x):\n    return -x\n")
MODULE = {"helpers.py": HELPER}
MODULE_EDIT = ("helpers.py", "return x", "return -x")
LOOKUPS = [
    refused("eval", HELPER + "def f(x):\n    return eval('g')(x)\n", EDIT),
    refused("exec", HELPER + "def f(x):\n    exec('y = g(x)')\n    return x\n", EDIT),
    refused("globals", HELPER + "def f(x):\n    return globals()['g'](x)\n", EDIT),
    refused(
        "eval in a helper",
        HELPER + "def h(x):\n    return eval('g')(x)\n\ndef f(x):\n    return h(x)\n",
        EDIT,
    ),
    refused(
        "eval under another name",
        HELPER + "look = eval\n\ndef f(x):\n    return look('g')(x)\n",
        EDIT,
    ),
    refused(
        "attribute of a module by a name made up",
        {
            **MODULE,
            "task.py": "import helpers\n\ndef f(x):\n    return getattr(helpers, 'g'.lower())(x)\n",
        },
        MODULE_EDIT,
    ),
    refused(
        "names of a module",
        {**MODULE, "task.py": "import helpers\n\ndef f(x):\n    return vars(helpers)['g'](x)\n"},
        MODULE_EDIT,
    ),
    refused(
        "module under another name",
        {**MODULE, "task.py": "import helpers\n\ndef f(x):\n    h = helpers\n    return h.g(x)\n"},
        MODULE_EDIT,
    ),
    refused(
        "module by a name made up",
        {
            **MODULE,
            "task.py": "import importlib\n\ndef f(x):\n    return importlib.import_module('help' + 'ers').g(x)\n",
        },
        MODULE_EDIT,
    ),
    refused(
        "module from the table of modules",
        {
            **MODULE,
            "task.py": "import helpers, sys\n\ndef f(x):\n    return sys.modules['helpers'].g(x)\n",
        },
        MODULE_EDIT,
    ),
    refused(
        "__import__",
        {**MODULE, "task.py": "def f(x):\n    return __import__('helpers').g(x)\n"},
        MODULE_EDIT,
    ),
    refused(
        "module as an argument",
        {
            **MODULE,
            "task.py": "import helpers\n\ndef f(m):\n    return m.g(1)\n\nCALL = ((helpers,), {})\n",
        },
        MODULE_EDIT,
    ),
    refused(
        "lock",
        "import threading\nLOCK = threading.Lock()\n\ndef f(x):\n    with LOCK:\n        return 1\n",
        ("return 1", "return 2"),
    ),
    refused(
        "open file",
        "import os\nFILE = open(os.devnull)\n\ndef f(x):\n    return FILE.read() + '1'\n",
        ("'1'", "'2'"),
    ),
    refused(
        "generator",
        "G = (i for i in range(3))\n\ndef f(x):\n    return next(G) + 1\n",
        ("+ 1", "+ 2"),
    ),
]
