"""All cases, by what is edited."""

from tests.corpus.case import Case
from tests.corpus.cases.arguments import ARGUMENTS
from tests.corpus.cases.classes import CLASSES
from tests.corpus.cases.closures import CLOSURES
from tests.corpus.cases.decorators import DECORATORS
from tests.corpus.cases.further import FURTHER
from tests.corpus.cases.helpers import HELPERS
from tests.corpus.cases.imports import IMPORTS
from tests.corpus.cases.layout import LAYOUT
from tests.corpus.cases.libraries import LIBRARIES
from tests.corpus.cases.lookups import LOOKUPS
from tests.corpus.cases.values import VALUES

CASES: list[Case] = [
    *HELPERS,
    *VALUES,
    *CLOSURES,
    *CLASSES,
    *DECORATORS,
    *IMPORTS,
    *LIBRARIES,
    *LAYOUT,
    *ARGUMENTS,
    *LOOKUPS,
    *FURTHER,
]
