"""Properties are checked on many examples, however long each of them takes on a busy machine."""

from hypothesis import settings

settings.register_profile("elsewhere", deadline=None)
settings.load_profile("elsewhere")
